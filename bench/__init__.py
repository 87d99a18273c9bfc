"""Keyless beside its peers: the same work, in the same run, as ratios.

Nothing here is a test: no time makes anything fail. Absolute figures of a shared machine mean
little, so rounds are interleaved and what is printed first is the median of per-round ratios.
"""

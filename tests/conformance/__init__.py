"""Test suites that others wrote, run directly against a real server and once more through Keyless.

`python -m tests.conformance` fetches them, runs them, and compares test by test: what passes
directly must pass through the proxy, and each exception has a reason that is written down beside
the suite. None of the suites is in this repository; they are kept in the cache folder.
"""

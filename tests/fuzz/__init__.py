"""Fuzzing of what reads foreign bytes: `python -m tests.fuzz --help`.

A target is shown recorded conversations that were changed at random, and must keep its promises on
every one: nothing but typed errors, a time and a memory in proportion to what it was shown, the
same result however the bytes were cut. What a target is lies in `tests.fuzz.target`, those of a
protocol in a folder of its own, and nothing here knows a protocol but that folder.
"""

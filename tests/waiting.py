"""Waiting for what happens elsewhere: until it is so, and no longer than a deadline."""

import time
from collections.abc import Callable
from typing import TypeVar

PATIENCE = 15.0
_PAUSE = 0.02
T = TypeVar("T")


def eventually(condition: Callable[[], T], *, seconds: float = PATIENCE) -> T:
    """What `condition` returns once that is true; a failure where it stays false."""
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, f"not so after {seconds:g} s"
        time.sleep(_PAUSE)
    return found

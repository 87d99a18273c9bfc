"""What the relay asks of the kernel for each chunk: one read, one write, and never to wait; and
between chunks, to wait for the next.

Its compiled twin is `syscalls.pyx`, which does the same without Python's own wrapping of it.
"""

import os
import select
from math import ceil
from time import monotonic as now

from protocols.api import Chunk

__all__ = ["Found", "now", "receive", "send"]

_CHUNK = 65_536  # bytes
_AT_ONCE = 64  # sockets


def receive(descriptor: int) -> bytes | None:
    """None where nothing has come yet, and no bytes at the end. Raises OSError."""
    try:
        return os.read(descriptor, _CHUNK)
    except BlockingIOError:
        return None


def send(descriptor: int, data: Chunk) -> int:
    """How many bytes the kernel took: none where it has no room. Raises OSError."""
    try:
        return os.write(descriptor, data)
    except BlockingIOError:
        return 0


class Found:
    """What an epoll has found, from one call of `wait` to the next."""

    def __init__(self, epoll: "select.epoll") -> None:
        self._epoll = epoll
        self._events: list[tuple[int, int]] = []

    def wait(self, seconds: float) -> int:
        """How many descriptors something is with; negative seconds are without end, and none are
        found where a signal came."""
        milliseconds = ceil(seconds * 1000) / 1000 if seconds > 0 else seconds
        self._events = self._epoll.poll(milliseconds, _AT_ONCE)
        return len(self._events)

    def descriptor(self, number: int) -> int:
        return self._events[number][0]

    def events(self, number: int) -> int:
        return self._events[number][1]

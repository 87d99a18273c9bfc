"""What the relay asks of the kernel for each chunk: one read, one write, and never to wait; and
between chunks, to wait for the next.

Its compiled twin is `syscalls.pyx`, which does the same without Python's own wrapping of it.
"""

import os
import select
from math import ceil
from time import monotonic as now

from protocols.api import Chunk

__all__ = ["SHORT", "Found", "now", "receive", "send"]

SHORT = 2_048  # bytes: up to here a chunk is cheaper to copy than to look at in place

_AT_ONCE = 64  # sockets
_BUFFER = memoryview(bytearray(65_536))  # one loop, one thread: nobody reads while it is looked at
_BUFFERS = [_BUFFER]


def receive(descriptor: int) -> Chunk | None:
    """None where nothing has come yet, and no bytes at the end. What is longer than `SHORT` is a
    view, and as it is until the next call only. Raises OSError."""
    try:
        size = os.readv(descriptor, _BUFFERS)
    except BlockingIOError:
        return None
    return bytes(_BUFFER[:size]) if size <= SHORT else _BUFFER[:size]


def send(descriptor: int, data: Chunk) -> int:
    """How many bytes the kernel took: none where it has no room. Raises OSError."""
    try:
        return os.write(descriptor, data)
    except BlockingIOError:
        return 0


class Found:
    """What an epoll has found, from one call of `wait` to the next."""

    def __init__(self, epoll: select.epoll) -> None:
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

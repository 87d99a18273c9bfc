"""What the relay asks of the kernel for each chunk: one read, one write, and never to wait.

Its compiled twin is `syscalls.pyx`, which does the same without Python's own wrapping of it.
"""

import os

from protocols.api import Chunk

SHORT = 2_048  # bytes: up to here a chunk is cheaper to copy than to look at in place

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

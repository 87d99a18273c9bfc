"""The client's half of SFTP: each request is let through or kept back.

A request is held until its head is whole, which is all of it but for WRITE's bytes of a file. What
is kept back leaves no trace upstream.
"""

from collections.abc import Callable
from typing import NamedTuple

from protocols.ssh.encoding import Malformed
from protocols.ssh.sftp_frames import LENGTH, Frames, message_size
from protocols.ssh.sftp_messages import LONGEST_HANDLE, Fxp

_BEFORE_HANDLE = 13  # length, type, number, the handle's length
_BEHIND_HANDLE = 12  # offset, and the data's length

Sink = Callable[[memoryview], None]


class Fate(NamedTuple):
    """What becomes of a request: whether it goes on, `instead` of its head if that is to be
    another, and who is shown the rest."""

    passes: bool
    sink: Sink | None = None
    instead: bytes | None = None


class Requests:
    """One channel's. `decide` is given a request's type, and its head behind that."""

    def __init__(self, decide: Callable[[int, bytes], Fate]) -> None:
        self._decide = decide
        self._frames = Frames(_head_size)
        self._fate = Fate(passes=True)

    def feed(self, data: memoryview) -> tuple[bytes | None, int]:
        """What goes on instead of the data, None where that is the same, and how many bytes were
        kept back for good."""
        onward: list[bytes | memoryview] = []
        kept_back = 0
        changed = self._frames.in_head
        for part in self._frames.split(data):
            piece: bytes | memoryview = part.data
            if part.head is not None:
                self._fate = self._decide_on(part.head)
                changed |= self._fate.instead is not None
                piece = part.head if self._fate.instead is None else self._fate.instead
            elif part.in_head:
                continue
            elif self._fate.sink is not None:
                self._fate.sink(part.data)
            if self._fate.passes:
                onward.append(piece)
            else:
                kept_back += len(piece)
        if changed or kept_back or self._frames.in_head:
            return b"".join(onward), kept_back
        return None, 0

    def _decide_on(self, head: bytes) -> Fate:
        kind = head[LENGTH]
        rest = message_size(head) - len(head)
        if kind == Fxp.WRITE and rest != int.from_bytes(head[-4:], "big"):
            raise Malformed("a WRITE in it is not as long as it says")
        return self._decide(kind, head[LENGTH + 1 :])


def _head_size(head: bytes | bytearray) -> int:
    if head[LENGTH] != Fxp.WRITE:
        return message_size(head)
    if len(head) < _BEFORE_HANDLE:
        return _BEFORE_HANDLE
    handle = int.from_bytes(head[_BEFORE_HANDLE - 4 : _BEFORE_HANDLE], "big")
    if handle > LONGEST_HANDLE:
        raise Malformed(f"a handle in it is {handle} bytes long")
    return _BEFORE_HANDLE + handle + _BEHIND_HANDLE

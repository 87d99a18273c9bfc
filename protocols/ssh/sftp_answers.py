"""Upstream's half of SFTP: answers go on as they come, and ours between them.

Answers may come in any order, but one may not begin within another.
"""

from collections.abc import Callable, Sequence

from protocols.ssh.content import Piece
from protocols.ssh.encoding import Malformed
from protocols.ssh.sftp_frames import LENGTH, Frames
from protocols.ssh.sftp_messages import LONGEST_HANDLE, Fxp
from protocols.ssh.sftp_requests import Sink

_SHORTEST = 9  # length, type, number
_WITH_FIELD = 13  # and a status, or the length of a handle or of data
_MAX_OURS = 1 << 16  # bytes


class Answers:
    """One channel's. `take` is given an answer's type, and its head behind that, and answers who is
    shown the rest."""

    def __init__(self, take: Callable[[int, bytes], Sink | None]) -> None:
        self._take = take
        self._frames = Frames(_head_size)
        self._sink: Sink | None = None
        self._ours = bytearray()

    def say(self, answers: bytes) -> bytes:
        """Answers of our own: those that may go now. Others go where upstream's answer ends."""
        if self._frames.at_boundary:
            return answers
        self._ours += answers
        if len(self._ours) > _MAX_OURS:
            raise Malformed("the client asks for too much that it may not do")
        return b""

    def feed(self, data: memoryview) -> Sequence[Piece] | None:
        """The data and ours in it; None where that is the data alone."""
        pieces: list[Piece] = []
        start = end = 0
        for part in self._frames.split(data):
            end += len(part.data)
            if part.head is not None:
                self._sink = self._take(part.head[LENGTH], part.head[LENGTH + 1 :])
            elif not part.in_head and self._sink is not None:
                self._sink(part.data)
            if part.ends and self._ours:
                pieces += [Piece(bytes(data[start:end]), False), Piece(bytes(self._ours), True)]
                self._ours.clear()
                start = end
        if pieces and start < end:
            pieces.append(Piece(bytes(data[start:end]), False))
        return pieces or None


def _head_size(head: bytes | bytearray) -> int:
    kind = head[LENGTH]
    if kind in (Fxp.STATUS, Fxp.DATA):
        return _WITH_FIELD
    if kind != Fxp.HANDLE:
        return _SHORTEST
    if len(head) < _WITH_FIELD:
        return _WITH_FIELD
    handle = int.from_bytes(head[_SHORTEST:_WITH_FIELD], "big")
    if handle > LONGEST_HANDLE:
        raise Malformed(f"a handle in it is {handle} bytes long")
    return _WITH_FIELD + handle

"""One side's stream after login, cut into messages for the audit. Nothing is held back for it.

Most bytes are rows, and of those only the headers are looked at. Bodies are kept for the message
types that matter, up to a bound, whatever length a message claims.
"""

from collections.abc import Generator, Iterator
from struct import Struct

from protocols.errors import Refusal

KEPT = 65_536  # bytes of one message's body
_HEADER = 5
_LENGTH = Struct(">I")
_MAX_SIZE = 0x3FFFFFFF  # a gigabyte, PostgreSQL's own limit
_COPY_DATA = ord("d")

Frame = tuple[int, bytes, int]


class Frames:
    """Hands on the messages whose type bytes are in `kept`; passes over all others.

    `fault` is raised where a length is none, for then no later byte can be read.
    """

    def __init__(self, kept: bytes, fault: Refusal) -> None:
        self._kept = frozenset(kept)
        self._fault = fault
        self._head = bytearray()  # header and kept bytes of a message that is not there yet
        self._skip = 0  # bytes still to come of a message that was dealt with
        self.copied = 0  # bytes of CopyData so far

    @property
    def at_boundary(self) -> bool:
        """Whether the last byte seen was a message's last."""
        return not self._skip and not self._head

    def feed(self, chunk: memoryview) -> Iterator[Frame]:
        """Yield type, body (its first `KEPT` bytes) and the body's true size of each message."""
        position, end = self._skip, len(chunk)
        if self._head:
            position = yield from self._complete(chunk)
        while position + _HEADER <= end:
            kind, size = chunk[position], self._size(chunk, position)
            body = position + _HEADER
            if kind in self._kept:
                keep = body + min(size, KEPT)
                if keep > end:
                    break
                yield kind, bytes(chunk[body:keep]), size
            elif kind == _COPY_DATA:
                self.copied += size
            position = body + size
        self._skip = max(0, position - end)
        self._head += chunk[position:]

    def _complete(self, chunk: memoryview) -> Generator[Frame, None, int]:
        """Go on with the message that the chunk before ended in; returns where the next begins."""
        position = 0
        while position < len(chunk) and (missing := self._missing()):
            piece = chunk[position : position + missing]
            self._head += piece
            position += len(piece)
        if self._missing():
            return position
        kind, size = self._head[0], self._size(self._head, 0)
        body = bytes(self._head[_HEADER:])
        self._head.clear()
        if kind in self._kept:
            yield kind, body, size
        elif kind == _COPY_DATA:
            self.copied += size
        return position + size - len(body)

    def _missing(self) -> int:
        if len(self._head) < _HEADER:
            return _HEADER - len(self._head)
        keep = min(self._size(self._head, 0), KEPT) if self._head[0] in self._kept else 0
        return _HEADER + keep - len(self._head)

    def _size(self, data: memoryview | bytearray, position: int) -> int:
        size: int = _LENGTH.unpack_from(data, position + 1)[0] - 4
        if not 0 <= size <= _MAX_SIZE:
            raise self._fault
        return size

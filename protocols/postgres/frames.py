"""One side's stream after login, cut into messages for the audit. Nothing is held back for it.

Most bytes are rows, and of those only the headers are looked at. Bodies are kept for the message
types that matter, up to a bound, whatever length a message claims.
"""

from collections.abc import Callable, Mapping
from struct import Struct
from typing import Generic, TypeVar

from protocols.errors import Refusal

KEPT = 65_536  # bytes of one message's body
_HEADER = Struct(">BI")
_MAX_SIZE = 0x3FFFFFFF  # a gigabyte, PostgreSQL's own limit
_SHORT = 2_048
_COPY_DATA = ord("d")

Reader = TypeVar("Reader")
Handlers = Mapping[int, Callable[[Reader, bytes, int], None]]
"""By type byte: what a reader does with a body (its first `KEPT` bytes) and its true size."""


class Frames(Generic[Reader]):
    """Hands messages on to a reader; passes over those that have no handler.

    `fault` is raised where a length is none, for then no later byte can be read.
    """

    def __init__(self, reader: Reader, handlers: Handlers[Reader], fault: Refusal) -> None:
        self._reader = reader
        self._handlers = handlers
        self._fault = fault
        self._head = bytearray()  # header and kept bytes of a message that is not there yet
        self._skip = 0  # bytes still to come of a message that was dealt with
        self.copied = 0  # bytes of CopyData so far

    @property
    def at_boundary(self) -> bool:
        """Whether the last byte seen was a message's last."""
        return not self._skip and not self._head

    def feed(self, chunk: memoryview) -> None:
        """Read on. Every message is handed on once, as soon as what is kept of it is there."""
        position, end = self._skip, len(chunk)
        # Bytes are twice as fast to take apart as a view of them, and short chunks cheap to copy.
        data = bytes(chunk) if end <= _SHORT else chunk
        try:
            if self._head:
                position = self._complete(chunk)
            while position + 5 <= end:
                kind, length = _HEADER.unpack_from(data, position)
                if not 4 <= length <= _MAX_SIZE:
                    raise self._fault
                body, after = position + 5, position + 1 + length
                if handler := self._handlers.get(kind):
                    kept = after if length <= KEPT else min(after, body + KEPT)
                    if kept > end:
                        break
                    position = after
                    handler(self._reader, bytes(data[body:kept]), length - 4)
                elif kind == _COPY_DATA:
                    self.copied += length - 4
                position = after
        finally:  # what nobody has read, because of a fault before it, is at no boundary either
            self._skip = position - end if position > end else 0
            if position < end:
                self._head += data[position:]

    def _complete(self, chunk: memoryview) -> int:
        """Go on with the message that the chunk before ended in; returns where the next begins."""
        position = 0
        while position < len(chunk) and (missing := self._missing()):
            piece = chunk[position : position + missing]
            self._head += piece
            position += len(piece)
        if self._missing():
            return position
        kind, length = _HEADER.unpack_from(self._head)
        size: int = length - 4
        body = bytes(self._head[5:])
        self._head.clear()
        if handler := self._handlers.get(kind):
            handler(self._reader, body, size)
        elif kind == _COPY_DATA:
            self.copied += size
        return position + size - len(body)

    def _missing(self) -> int:
        """How many bytes the message in `_head` lacks until it can be handed on."""
        if len(self._head) < 5:
            return 5 - len(self._head)
        kind, length = _HEADER.unpack_from(self._head)
        if not 4 <= length <= _MAX_SIZE:
            raise self._fault
        kept = min(length - 4, KEPT) if kind in self._handlers else 0
        return 5 + kept - len(self._head)

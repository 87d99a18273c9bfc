"""One side's stream after login, cut into messages for the audit. Nothing is held back for it.

Most bytes are rows, and of those only the headers are looked at. Bodies are kept for the message
types that matter, up to a bound, whatever length a message claims.
"""

from collections.abc import Callable, Mapping
from struct import Struct
from typing import Protocol

from protocols.api import Chunk
from protocols.errors import Refusal

KEPT = 65_536  # bytes of one message's body
HEADER = Struct(">BI")  # type and length, which counts itself
_LONGEST = KEPT + 4  # that a message's length may be for all of it to be kept
_MAX_SIZE = 0x3FFFFFFF  # a gigabyte, PostgreSQL's own limit
_SHORT = 2_048
_COPY_DATA = ord("d")


class Rest(Protocol):
    """Is shown what comes of a body after its first `KEPT` bytes, in pieces."""

    def take(self, piece: memoryview) -> None: ...


Handler = Callable[[bytes, int], Rest | None]
"""Is called with a body (its first `KEPT` bytes) and its true size."""
Handlers = Mapping[int, Handler]
"""By type byte."""


class Copied:
    """Bytes of CopyData so far, both ways, and how many of them were told or belong to nothing."""

    __slots__ = ("bytes", "told")

    def __init__(self) -> None:
        self.bytes = self.told = 0

    def tell(self) -> int:
        """Those that were not told yet."""
        untold, self.told = self.bytes - self.told, self.bytes
        return untold


class Frames:
    """Hands messages on to their handlers; passes over those that have none.

    `fault` is raised where a length is none, for then no later byte can be read.
    """

    def __init__(self, handlers: Handlers, fault: Refusal, copied: Copied) -> None:
        self._handlers = [handlers.get(kind) for kind in range(256)]
        self._fault = fault
        self._copied = copied
        self._head = bytearray()  # header and kept bytes of a message that is not there yet
        self._skip = 0  # bytes still to come of a message that was dealt with
        self._rest: Rest | None = None  # who is shown them

    @property
    def at_boundary(self) -> bool:
        """Whether the last byte seen was a message's last."""
        return not self._skip and not self._head

    def feed(self, chunk: Chunk) -> None:
        """Read on. Every message is handed on once, as soon as what is kept of it is there."""
        position, end = self._skip, len(chunk)
        # Bytes are faster to take apart than a view of them, and short chunks cheap to copy.
        data = bytes(chunk) if end <= _SHORT else chunk
        handlers = self._handlers
        try:
            if self._rest is not None:
                self._show_rest(self._rest, chunk, 0, position)
            if self._head:
                position = self._complete(chunk)
            while position + 5 <= end:
                kind, length = HEADER.unpack_from(data, position)
                if not 4 <= length <= _MAX_SIZE:
                    raise self._fault
                handler = handlers[kind]
                if handler is None:
                    position += 1 + length
                    if kind == _COPY_DATA:
                        self._copied.bytes += length - 4
                    continue
                kept = position + 1 + (length if length <= _LONGEST else _LONGEST)
                if kept > end:
                    break
                body = bytes(data[position + 5 : kept])
                position += 1 + length
                rest = handler(body, length - 4)
                if rest is not None and position > kept:
                    self._show_rest(rest, chunk, kept, position)
        finally:  # what nobody has read, because of a fault before it, is at no boundary either
            self._skip = position - end if position > end else 0
            if position < end:
                self._head += data[position:]

    def _show_rest(self, rest: Rest, chunk: Chunk, begin: int, end: int) -> None:
        rest.take(memoryview(chunk)[begin:end])
        self._rest = rest if end > len(chunk) else None

    def _complete(self, chunk: Chunk) -> int:
        """Go on with the message that the chunk before ended in; returns where the next begins."""
        position = 0
        while position < len(chunk) and (missing := self._missing()):
            piece = chunk[position : position + missing]
            self._head += piece
            position += len(piece)
        if self._missing():
            return position
        kind, length = HEADER.unpack_from(self._head)
        size: int = length - 4
        body = bytes(self._head[5:])
        after = position + size - len(body)
        self._head.clear()
        handler = self._handlers[kind]
        if handler is None:
            self._copied.bytes += size if kind == _COPY_DATA else 0
        elif (rest := handler(body, size)) is not None:
            self._show_rest(rest, chunk, position, after)
        return after

    def _missing(self) -> int:
        """How many bytes the message in `_head` lacks until it can be handed on."""
        if len(self._head) < 5:
            return 5 - len(self._head)
        kind, length = HEADER.unpack_from(self._head)
        if not 4 <= length <= _MAX_SIZE:
            raise self._fault
        kept = min(length - 4, KEPT) if self._handlers[kind] else 0
        return 5 + kept - len(self._head)

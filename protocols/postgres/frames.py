"""One side's stream after login, cut into messages for the audit. Nothing is held back for it.

Most bytes are rows, and of those only the headers are looked at. Bodies are kept for the message
types that matter, up to a bound, whatever length a message claims.
"""

from functools import lru_cache
from struct import Struct
from typing import Protocol

from protocols.api import Chunk
from protocols.errors import Refusal
from protocols.octets import cut, uint32

KEPT = _KEPT = 65_536  # bytes of one message's body
HEADER = Struct(">BI")  # type and length, which counts itself
_MAX_SIZE = 0x3FFFFFFF  # a gigabyte, PostgreSQL's own limit
_COPY_DATA = ord("d")
_PASSED, _TOLD, _SHOWN = 0, 1, 2


class Rest(Protocol):
    """Is shown what comes of a body after its first `KEPT` bytes, in pieces."""

    def take(self, piece: memoryview) -> None: ...


class Receiver:
    """Takes one side's messages, of the types that it wants to be `told` of or `shown`."""

    def __init__(self, *, told: bytes = b"", shown: bytes = b"") -> None:
        self.wants = _wants(told, shown)

    def take(self, kind: int, body: bytes, size: int) -> Rest | None:
        """One with its type byte, the first `KEPT` bytes of its body, of one that is only told of
        none, and its true size. Whoever is answered is shown the rest."""
        raise NotImplementedError


class Copied:
    """Bytes of CopyData so far, both ways, and how many of them were told or belong to nothing."""

    __slots__ = ("bytes", "told")

    def __init__(self) -> None:
        self.bytes = self.told = 0

    def tell(self) -> int:
        """Those that were not told yet."""
        untold, self.told = self.bytes - self.told, self.bytes
        return untold


@lru_cache
def _wants(told: bytes, shown: bytes) -> bytes:
    """By type byte; the same for all sessions."""
    return bytes(
        _SHOWN if kind in shown else _TOLD if kind in told else _PASSED for kind in range(256)
    )


class Frames:
    """Hands messages on to their receiver; passes over those that it does not want.

    `fault` is raised where a length is none, for then no later byte can be read.
    """

    def __init__(self, receiver: Receiver, fault: Refusal, copied: Copied) -> None:
        self._receiver = receiver
        self._wants = receiver.wants
        self._fault = fault
        self._copied = copied
        self._head = bytearray()  # header and kept bytes of a message that is not there yet
        self._skip = 0  # bytes still to come of a message that was dealt with
        self._rest: Rest | None = None  # who is shown them

    def at_boundary(self) -> bool:
        """Whether the last byte seen was a message's last."""
        return not self._skip and not self._head

    def feed(self, chunk: Chunk) -> None:
        """Read on. Every message is handed on once, as soon as what is kept of it is there."""
        if self._skip >= len(chunk) and self._rest is None:
            self._skip -= len(chunk)
        else:  # bytes are faster to take apart than a view of them
            self._read(chunk if isinstance(chunk, bytes) else bytes(chunk))

    def _read(self, data: bytes) -> None:
        position, end = self._skip, len(data)
        wants = self._wants
        try:
            if self._rest is not None:
                self._show_rest(self._rest, data, 0, position)
            if self._head:
                position = self._complete(data)
            while position + 5 <= end:
                kind = data[position]
                length = uint32(data, position + 1)
                if length < 4 or length > _MAX_SIZE:
                    raise self._fault
                wanted = wants[kind]
                if wanted == _PASSED:
                    position += 1 + length
                    if kind == _COPY_DATA:
                        self._copied.bytes += length - 4
                    continue
                kept = position + 5 + (min(length - 4, _KEPT) if wanted == _SHOWN else 0)
                if kept > end:
                    break
                body = cut(data, position + 5, kept)
                position += 1 + length
                rest = self._receiver.take(kind, body, length - 4)
                if rest is not None and position > kept:
                    self._show_rest(rest, data, kept, position)
        finally:  # what nobody has read, because of a fault before it, is at no boundary either
            self._skip = position - end if position > end else 0
            if position < end:
                self._head += data[position:]

    def _show_rest(self, rest: Rest, chunk: bytes, begin: int, end: int) -> None:
        rest.take(memoryview(chunk)[begin:end])
        self._rest = rest if end > len(chunk) else None

    def _complete(self, chunk: bytes) -> int:
        """Go on with the message that the chunk before ended in; returns where the next begins."""
        position = 0
        while position < len(chunk) and (missing := self._missing()):
            piece = memoryview(chunk)[position : position + missing]
            self._head += piece
            position += len(piece)
        if self._missing():
            return position
        kind, length = HEADER.unpack_from(self._head)
        size: int = length - 4
        body = bytes(memoryview(self._head)[5:])
        after = position + size - len(body)
        self._head.clear()
        if self._wants[kind] == _PASSED:
            self._copied.bytes += size if kind == _COPY_DATA else 0
        elif (rest := self._receiver.take(kind, body, size)) is not None:
            self._show_rest(rest, chunk, position, after)
        return after

    def _missing(self) -> int:
        """How many bytes the message in `_head` lacks until it can be handed on."""
        if len(self._head) < 5:
            return 5 - len(self._head)
        kind, length = HEADER.unpack_from(self._head)
        if not 4 <= length <= _MAX_SIZE:
            raise self._fault
        kept = min(length - 4, KEPT) if self._wants[kind] == _SHOWN else 0
        return 5 + kept - len(self._head)

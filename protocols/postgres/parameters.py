"""The parameters that a statement runs with, read from a Bind or FunctionCall and told as text.

Of long ones the beginning is kept, and of very many the first. Source: "Message Formats".
"""

from collections.abc import Generator, Mapping, Sequence
from itertools import repeat
from struct import unpack
from typing import NamedTuple

from protocols.postgres.redaction import may_say_password, redact_value
from protocols.postgres.values import in_text, readable

_MAX_VALUE = 8_192  # bytes
_ROOM = 131_072  # bytes of memory for all of one statement's
_OVERHEAD = 150  # of these for each
_FOREVER = -(1 << 62)
_REDACTED = "***"


class _Value(NamedTuple):
    binary: bool
    size: int  # its true one, and -1 of NULL
    kept: bytes


class Parameters:
    """Reads them as they pass. `secret`: nobody knows what they are for, so none is told.

    `weight` is about how many bytes of memory they take, or may take before they are read.
    """

    def __init__(self, room: int, *, secret: bool = False) -> None:
        self.weight = self._room = max(0, min(room, _ROOM))
        self._secret = secret
        self._count = 0
        self._values: list[_Value] = []
        self._buffer = bytearray()
        self._reader = self._read()
        self._wanted = next(self._reader)  # bytes to read next; if negative, to pass over

    def take(self, piece: bytes | memoryview) -> None:
        """Read on."""
        self._buffer += piece
        while (taken := self._taken()) is not None:
            self._wanted = self._reader.send(taken)

    def counted(self) -> "Parameters":
        """How many they are, and nothing else of them."""
        counted = Parameters(0)
        counted._count = self._count
        return counted

    def told(self, types: Sequence[int], *, secret: bool) -> tuple[str | None, ...]:
        """NULL is None. `types` are their OIDs, as far as they are known; of `secret` ones only
        NULL is told."""
        secret = secret or self._secret
        known = (*types[: len(self._values)], *repeat(0, len(self._values) - len(types)))
        return tuple(_told(v, oid, secret) for v, oid in zip(self._values, known, strict=True))

    @property
    def cut(self) -> Mapping[str, int] | None:
        """Of those that are cut the whole size in bytes, by their numbers from 1; and the `count`
        of all where some are left out."""
        cut = {str(n): v.size for n, v in enumerate(self._values, 1) if _is_cut(v)}
        if len(self._values) < self._count:
            cut["count"] = self._count
        return cut or None

    def _taken(self) -> bytes | None:
        """What the reader wants, once it is there."""
        if self._wanted < 0:
            passed = min(-self._wanted, len(self._buffer))
            del self._buffer[:passed]
            self._wanted += passed
            return None if self._wanted else b""
        if len(self._buffer) < self._wanted:
            return None
        taken = bytes(self._buffer[: self._wanted])
        del self._buffer[: self._wanted]
        return taken

    def _read(self) -> Generator[int, bytes, None]:
        (count,) = unpack(">H", (yield 2))
        formats = unpack(f">{count}H", (yield 2 * count))
        (self._count,) = unpack(">H", (yield 2))
        for number in range(self._count):
            if self._room <= 0:
                break
            (size,) = unpack(">i", (yield 4))
            kept = yield min(max(size, 0), _MAX_VALUE, self._room)
            self._room -= len(kept) + _OVERHEAD
            self._values.append(_Value(_is_binary(formats, number), size, kept))
            yield min(len(kept) - size, 0)
        self.weight -= max(self._room, 0)
        while True:
            yield _FOREVER


def _is_binary(formats: Sequence[int], number: int) -> bool:
    """None: all are text. One: that of all."""
    if len(formats) == 1:
        return formats[0] == 1
    return number < len(formats) and formats[number] == 1


def _is_cut(value: _Value) -> bool:
    return len(value.kept) < value.size


def _told(value: _Value, oid: int, secret: bool) -> str | None:
    if value.size < 0:
        return None
    if secret:
        return _REDACTED
    cut = _is_cut(value)
    text = in_text(value.kept, oid, cut=cut) if value.binary else readable(value.kept, cut=cut)
    if text is not None:
        return redact_value(text, cut=cut)
    return _REDACTED if may_say_password(value.kept) else f"\\x{value.kept.hex()}"

"""The parameters that a statement runs with, read from a Bind or FunctionCall and told as text.

Of long ones the beginning is kept, and of very many the first. Source: "Message Formats".
"""

from collections.abc import Generator, Iterator, Mapping, Sequence
from itertools import repeat
from struct import Struct
from typing import NamedTuple

from protocols.postgres.redaction import may_say_password, redact_value
from protocols.postgres.values import in_text, readable

_INT32 = Struct(">i")
_MAX_VALUE = 8_192  # bytes
_ROOM = 131_072  # bytes of memory for all of one statement's
_OVERHEAD = 150  # of these for each
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
        self._data = bytearray()  # what of the message is there and not passed over
        self._reader = self._read()

    def take(self, piece: bytes | memoryview) -> None:
        """Read on."""
        self._data += piece
        next(self._reader)

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

    def _read(self) -> Iterator[None]:
        """Goes on as far as there are bytes to go on with."""
        yield from self._read_values(*(yield from self._read_formats()))
        self.weight -= max(self._room, 0)
        while True:
            self._data.clear()
            yield

    def _read_formats(self) -> Generator[None, None, tuple[bytes, int]]:
        """Those, and where the values begin; as they came, for as numbers they would take a dozen
        times the memory."""
        data = self._data
        while len(data) < 2:
            yield
        end = 2 + 2 * int.from_bytes(data[:2], "big")
        while len(data) < end:
            if not self._room:  # none of them will be needed
                end -= len(data)
                data.clear()
            yield
        while len(data) < end + 2:
            yield
        self._count = int.from_bytes(data[end : end + 2], "big")
        return bytes(data[2:end]), end + 2

    def _read_values(self, formats: bytes, begin: int) -> Iterator[None]:
        data = self._data
        for number in range(self._count):
            if self._room <= 0:
                break
            while len(data) < begin + 4:
                yield
            (size,) = _INT32.unpack_from(data, begin)
            begin += 4
            end = begin + min(max(size, 0), _MAX_VALUE, self._room)
            while len(data) < end:
                yield
            kept = bytes(data[begin:end])
            self._values.append(_Value(_is_binary(formats, number), size, kept))
            self._room -= len(kept) + _OVERHEAD
            begin += max(size, 0)
            while len(data) < begin:
                begin -= len(data)
                data.clear()
                yield


def _is_binary(formats: bytes, number: int) -> bool:
    """None: all are text. One: that of all."""
    place = 0 if len(formats) == 2 else 2 * number
    return formats[place : place + 2] == b"\0\1"


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

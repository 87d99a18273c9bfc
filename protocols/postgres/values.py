"""A value's bytes about as PostgreSQL prints them: text as it is, and common types' binary format.

Source: the types' send functions, such as numeric_send; the documentation is silent on them.
"""

import re
import struct
from codecs import utf_8_decode
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from uuid import UUID

_EPOCH = datetime(2000, 1, 1)
_MOST_DIGITS = 1_000  # of a number, on either side of its point
_PLAIN_ELEMENT = re.compile(r"(?!null\Z)[^\s\"{},\\]+", re.I)


def readable(text: bytes, *, cut: bool = False) -> str:
    """What is not UTF-8 stays readable, byte by byte; half a character at a cut is left out."""
    return utf_8_decode(text, "backslashreplace", not cut)[0]


def in_text(data: bytes, oid: int, *, cut: bool = False) -> str | None:
    """A binary value of the type with this OID; None where that is not known or does not fit."""
    if oid in _TEXTS:
        return readable(data, cut=cut)
    if oid == _JSONB:
        return readable(data[1:], cut=cut) if data[:1] == b"\1" else None
    if oid == _BYTEA:
        return f"\\x{data.hex()}"
    if cut:
        return None
    try:
        return _DECODERS[oid](data)
    except (KeyError, struct.error, ValueError, OverflowError):
        return None


def _number(layout: str) -> Callable[[bytes], str]:
    return lambda data: str(struct.unpack(layout, data)[0])


def _bool(data: bytes) -> str:
    return {b"\0": "f", b"\1": "t"}[data]


def _float4(data: bytes) -> str:
    """The shortest that is read as the same number again."""
    (number,) = struct.unpack(">f", data)
    tries = (f"{number:.{digits}g}" for digits in range(6, 10))
    return _named(next((t for t in tries if struct.pack(">f", float(t)) == data), repr(number)))


def _float8(data: bytes) -> str:
    return _named(repr(struct.unpack(">d", data)[0]))


def _named(number: str) -> str:
    names = {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}
    return names.get(number, number.removesuffix(".0"))


def _date(data: bytes) -> str:
    (days,) = struct.unpack(">i", data)
    return _INFINITE.get(data) or (_EPOCH + timedelta(days)).date().isoformat()


def _timestamp(data: bytes) -> str:
    if data in _INFINITE:
        return _INFINITE[data]
    seconds, microseconds = divmod(struct.unpack(">q", data)[0], 1_000_000)
    fraction = f".{microseconds:06}".rstrip(".0")
    return (_EPOCH + timedelta(0, seconds)).isoformat(" ") + fraction


def _timestamptz(data: bytes) -> str:
    return _timestamp(data) + ("" if data in _INFINITE else "+00")


def _uuid(data: bytes) -> str:
    return str(UUID(bytes=data))


def _numeric(data: bytes) -> str:
    """Groups of four decimal digits, the first of which stands for 10,000 ** weight."""
    count, weight, sign, scale = struct.unpack_from(">HhHH", data)
    if sign in _NO_NUMBERS:
        return _NO_NUMBERS[sign]
    groups = struct.unpack_from(f">{count}H", data, 8)
    if max(abs(weight) * 4, scale) > _MOST_DIGITS:
        raise ValueError("is too long to be written out")

    def digits(powers: range) -> str:
        places = (weight - power for power in powers)
        return "".join(f"{groups[p]:04}" if 0 <= p < count else "0000" for p in places)

    whole = digits(range(weight, -1, -1)).lstrip("0") or "0"
    fraction = digits(range(-1, -scale // 4 - 1, -1))[:scale]
    return ("-" if sign else "") + whole + ("." + fraction if fraction else "")


def _array(data: bytes) -> str:
    """One dimension, and elements of a type that is known."""
    dimensions, _, oid = struct.unpack_from(">iiI", data)
    if dimensions == 0:
        return "{}"
    if dimensions > 1 or oid in _ARRAYS:
        raise ValueError("is an array of arrays")
    (count,) = struct.unpack_from(">i", data, 12)
    return "{" + ",".join(_elements(data, oid, count)) + "}"


def _elements(data: bytes, oid: int, count: int) -> Iterator[str]:
    position = 20
    for _ in range(count):
        (size,) = struct.unpack_from(">i", data, position)
        begin, position = position + 4, position + 4 + max(size, 0)
        element = "NULL" if size < 0 else in_text(data[begin:position], oid)
        if element is None or position > len(data):
            raise ValueError("has an element that cannot be read")
        plain = size < 0 or _PLAIN_ELEMENT.fullmatch(element)
        yield element if plain else '"' + re.sub(r'(["\\])', r"\\\1", element) + '"'


_INFINITE = {
    struct.pack(layout, bound): name
    for layout, top in ((">i", 2**31 - 1), (">q", 2**63 - 1))
    for bound, name in ((top, "infinity"), (-top - 1, "-infinity"))
}
_NO_NUMBERS = {0xC000: "NaN", 0xD000: "Infinity", 0xF000: "-Infinity"}

# Types by OID; source: pg_type.dat.
_BYTEA, _JSONB = 17, 3802
_TEXTS = frozenset({18, 19, 25, 114, 142, 705, 1042, 1043})  # char, name, text, json, xml, ...
_ARRAYS = frozenset(
    {199, 1000, 1001, 1002, 1003, 1005, 1007, 1009, 1014, 1015, 1016, 1021, 1022, 1028, 1115, 1182}
    | {1185, 1231, 2951, 3807}
)
_DECODERS: Mapping[int, Callable[[bytes], str]] = {
    16: _bool,
    20: _number(">q"),
    21: _number(">h"),
    23: _number(">i"),
    26: _number(">I"),
    700: _float4,
    701: _float8,
    1082: _date,
    1114: _timestamp,
    1184: _timestamptz,
    1700: _numeric,
    2950: _uuid,
    **dict.fromkeys(_ARRAYS, _array),
}

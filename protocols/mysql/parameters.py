"""The values that statements run with, in the binary protocol, as text for the audit.

Source: "Binary Protocol Value", COM_STMT_EXECUTE and COM_QUERY in MySQL's documentation, and
COM_STMT_BULK_EXECUTE in MariaDB's.
"""

from collections.abc import Callable, Mapping
from struct import Struct

from protocols.mysql.packets import Reader, text
from protocols.mysql.statements import LONGEST_VALUE, Prepared

Value = str | None
Values = tuple[Value, ...]
Read = Callable[[Reader, bool], Value]

_MOST_VALUES = 1_000  # of one execution that are told
_COUNT_AVAILABLE = 0x08  # a flag of COM_STMT_EXECUTE
_SEND_TYPES = 0x80  # a flag of COM_STMT_BULK_EXECUTE
_UNSIGNED = 0x80
_INDICATORS: Mapping[int, Value] = {1: None, 2: "DEFAULT", 3: "IGNORE"}


def _integer(size: int) -> Read:
    return lambda reader, unsigned: str(
        int.from_bytes(reader.take(size), "little", signed=not unsigned)
    )


def _floating(layout: str, digits: int) -> Read:
    number = Struct(layout)
    return lambda reader, _: f"{number.unpack(reader.take(number.size))[0]:.{digits}g}"


def _date(reader: Reader, _: bool) -> Value:
    packed = reader.take(reader.uint8()).ljust(11, b"\0")
    year, fraction = int.from_bytes(packed[:2], "little"), int.from_bytes(packed[7:11], "little")
    date = f"{year:04}-{packed[2]:02}-{packed[3]:02}"
    return f"{date} {_clock(packed[4], packed[5:7], fraction)}" if any(packed[4:]) else date


def _time(reader: Reader, _: bool) -> Value:
    packed = reader.take(reader.uint8()).ljust(12, b"\0")
    days, fraction = int.from_bytes(packed[1:5], "little"), int.from_bytes(packed[8:12], "little")
    sign = "-" if packed[0] else ""
    return sign + _clock(days * 24 + packed[5], packed[6:8], fraction)


def _clock(hours: int, rest: bytes, fraction: int) -> str:
    whole = f"{hours:02}:{rest[0]:02}:{rest[1]:02}"
    return f"{whole}.{fraction:06}" if fraction else whole


def _string(reader: Reader, _: bool) -> Value:
    return text(reader.lenenc_bytes()[:LONGEST_VALUE])


_READERS: Mapping[int, Read] = {
    1: _integer(1),
    2: _integer(2),
    3: _integer(4),
    4: _floating("<f", 7),
    5: _floating("<d", 17),
    6: lambda reader, _: None,
    7: _date,
    8: _integer(8),
    9: _integer(4),
    10: _date,
    11: _time,
    12: _date,
    13: _integer(2),
}
"""By MySQL's field types; of all others the values are strings."""


def _read_value(reader: Reader, types: bytes, number: int) -> Value:
    kind, flags = types[2 * number], types[2 * number + 1]
    return _READERS.get(kind, _string)(reader, bool(flags & _UNSIGNED))


def _read_types(reader: Reader, count: int, *, named: bool) -> bytes:
    if not named:
        return reader.take(2 * count)
    types = bytearray()
    for _ in range(count):
        types += reader.take(2)
        reader.lenenc_bytes()
    return bytes(types)


def statement_position(query: bytes) -> int:
    """Where the statement begins in a COM_QUERY with attributes. Raises ValueError where that
    cannot be told."""
    reader = Reader(query, 1)
    count, _ = reader.lenenc_int(), reader.lenenc_int()
    if not count:
        return reader.position
    nulls = reader.take((count + 7) // 8)
    if reader.uint8() != 1:
        raise ValueError("query attributes have no types")
    types = _read_types(reader, count, named=True)
    for number in range(count):
        if not _is_null(nulls, number):
            _read_value(reader, types, number)
    return reader.position


def read_execution(
    execute: bytes, prepared: Prepared, long_data: Mapping[int, bytes], *, attributes: bool
) -> Values | None:
    """A COM_STMT_EXECUTE's parameters, as far as they are there; None where they cannot be read."""
    reader, expected = Reader(execute, 5), prepared.parameters
    try:
        flags, _ = reader.uint8(), reader.uint32()
        if expected is None:
            return None
        counted = attributes and (expected or flags & _COUNT_AVAILABLE)
        count = reader.lenenc_int() if counted else expected
        nulls = reader.take((count + 7) // 8)
        if count and reader.uint8():
            prepared.types = _read_types(reader, count, named=attributes)
    except ValueError:
        return None
    if count < expected or len(prepared.types) < 2 * expected:
        return None
    return _read_row(reader, prepared.types, expected, nulls, long_data)


def _read_row(
    reader: Reader, types: bytes, count: int, nulls: bytes, long_data: Mapping[int, bytes]
) -> Values:
    values: list[Value] = []
    try:
        for number in range(min(count, _MOST_VALUES)):
            if number in long_data:
                values.append(text(long_data[number]))
            else:
                null = _is_null(nulls, number)
                values.append(None if null else _read_value(reader, types, number))
    except ValueError:
        pass  # the rest was not kept
    return tuple(values)


def _is_null(nulls: bytes, number: int) -> bool:
    return bool(nulls[number >> 3] >> (number & 7) & 1)


def read_bulk_execution(execute: bytes, prepared: Prepared) -> tuple[Values, ...] | None:
    """A COM_STMT_BULK_EXECUTE's rows of parameters, as far as they are there."""
    reader, count = Reader(execute, 5), prepared.parameters
    rows: list[Values] = []
    try:
        if reader.uint16() & _SEND_TYPES and count:
            prepared.types = _read_types(reader, count, named=False)
        if not count or len(prepared.types) < 2 * count:
            return None
        while reader.left and len(rows) * count < _MOST_VALUES:
            rows.append(_read_bulk_row(reader, prepared.types, count))
    except ValueError:
        pass  # the rest was not kept
    return tuple(rows)


def _read_bulk_row(reader: Reader, types: bytes, count: int) -> Values:
    values: list[Value] = []
    for number in range(min(count, _MOST_VALUES)):
        indicator = reader.uint8()
        known = indicator in _INDICATORS
        values.append(_INDICATORS[indicator] if known else _read_value(reader, types, number))
    return tuple(values)

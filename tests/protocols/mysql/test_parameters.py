"""Values of the binary protocol as text, by their types."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.mysql.parameters import read_bulk_execution, read_execution, statement_position
from protocols.mysql.statements import Prepared

_HEAD = b"\x17\1\0\0\0\0\1\0\0\0"
_UNSIGNED = 0x80


def _read(kind: int, value: bytes, flags: int = 0) -> str | None:
    body = _HEAD + b"\0\1" + bytes((kind, flags)) + value
    values = read_execution(body, Prepared(parameters=1), {}, attributes=False)
    assert values is not None
    (told,) = values
    return told


@pytest.mark.parametrize(
    ("kind", "value", "told"),
    [
        (0, b"\4-1.5", "-1.5"),
        (1, b"\xff", "-1"),
        (2, struct.pack("<h", -300), "-300"),
        (3, struct.pack("<i", -70_000), "-70000"),
        (4, struct.pack("<f", 2.5), "2.5"),
        (4, struct.pack("<f", 0.1), "0.1"),
        (5, struct.pack("<d", 0.1), "0.10000000000000001"),
        (5, struct.pack("<d", -1e300), "-1.0000000000000001e+300"),
        (6, b"", None),
        (8, struct.pack("<q", -(1 << 60)), str(-(1 << 60))),
        (9, struct.pack("<i", 5), "5"),
        (10, b"\4\xea\7\x0b\x17", "2026-11-23"),
        (10, b"\0", "0000-00-00"),
        (12, b"\7\xea\7\x0b\x17\x09\x05\x03", "2026-11-23 09:05:03"),
        (7, b"\x0b\xea\7\x0b\x17\x09\x05\x03\x39\0\0\0", "2026-11-23 09:05:03.000057"),
        (12, b"\x0b\xea\7\x0b\x17\0\0\0\1\0\0\0", "2026-11-23 00:00:00.000001"),
        (11, b"\0", "00:00:00"),
        (11, b"\x08\0\1\0\0\0\2\3\4", "26:03:04"),
        (11, b"\x0c\1\0\0\0\0\2\3\4\x40\xe2\1\0", "-02:03:04.123456"),
        (13, struct.pack("<h", 2026), "2026"),
        (15, b"\2hi", "hi"),
        (16, b"\1\1", "\1"),
        (245, b'\7{"a":1}', '{"a":1}'),
        (246, b"\0031.5", "1.5"),
        (252, b"\3\xff\xfe\0", "\udcff\udcfe\0"),
        (253, b"\0", ""),
        (254, b"\xfc\2\0hi", "hi"),
        (254, b"\xfd\2\0\0hi", "hi"),
        (254, b"\xfe" + struct.pack("<Q", 2) + b"hi", "hi"),
        (255, b"\1x", "x"),
    ],
)
def test_a_value_by_its_type(kind: int, value: bytes, told: str | None) -> None:
    assert _read(kind, value) == told


@pytest.mark.parametrize(("kind", "size"), [(1, 1), (2, 2), (3, 4), (8, 8), (9, 4), (13, 2)])
def test_an_unsigned_number(kind: int, size: int) -> None:
    assert _read(kind, b"\xff" * size, _UNSIGNED) == str((1 << 8 * size) - 1)


@pytest.mark.parametrize("size", [1_023, 1_024, 1_025, 50_000])
def test_a_long_value_is_cut(size: int) -> None:
    value = b"\xfd" + size.to_bytes(3, "little") + b"v" * size
    assert _read(253, value) == "v" * min(size, 1_024)


@given(st.binary(max_size=60))
def test_foreign_bytes_raise_nothing(body: bytes) -> None:
    for count in (None, 0, 1, 9):
        for attributes in (False, True):
            read_execution(b"\x17" + body, Prepared(parameters=count), {}, attributes=attributes)
        read_bulk_execution(b"\xfa" + body, Prepared(parameters=count))


@given(st.binary(max_size=60))
def test_a_statement_begins_within_its_command_or_nowhere(body: bytes) -> None:
    try:
        position = statement_position(b"\x03" + body)
    except ValueError:
        return
    assert 2 < position <= 1 + len(body)


def test_what_cannot_be_read_is_unknown() -> None:
    for body in (b"\x17", _HEAD, _HEAD + b"\0", _HEAD + b"\0\1\3"):
        assert read_execution(body, Prepared(parameters=1), {}, attributes=False) is None
    assert read_bulk_execution(b"\xfa\1\0\0\0\0\0\0", Prepared(parameters=1)) is None
    assert read_bulk_execution(b"\xfa\1\0\0\0\x80\0\3\0", Prepared(parameters=None)) is None


def test_of_a_bulk_execution_whole_rows_are_told() -> None:
    row = b"\0" + struct.pack("<i", 7)
    for rows, told in ((3, 3), (2_000, 1_000)):
        body = b"\xfa\1\0\0\0\x80\0\3\0" + row * rows + row[:2]
        assert read_bulk_execution(body, Prepared(parameters=1)) == (("7",),) * told


def test_of_a_bulk_execution_with_many_parameters_the_first_are_told() -> None:
    count = 20_000
    body = b"\xfa\1\0\0\0\x80\0" + b"\3\0" * count + b"\1" * count * 2
    assert read_bulk_execution(body, Prepared(parameters=count)) == ((None,) * 1_000,)

"""Binary values read as PostgreSQL prints them; what cannot be read is told apart."""

import struct
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.postgres.values import in_text, readable

_BOOL, _BYTEA, _INT8, _INT2, _INT4, _TEXT, _OID = 16, 17, 20, 21, 23, 25, 26
_FLOAT4, _FLOAT8, _DATE, _TIMESTAMP, _TIMESTAMPTZ, _NUMERIC = 700, 701, 1082, 1114, 1184, 1700
_INT4_ARRAY, _TEXT_ARRAY, _UUID, _JSONB = 1007, 1009, 2950, 3802


def _numeric(weight: int, sign: int, scale: int, *groups: int) -> bytes:
    return struct.pack(f">HhHH{len(groups)}H", len(groups), weight, sign, scale, *groups)


def _array(oid: int, *elements: bytes | None) -> bytes:
    parts = (
        struct.pack(">i", -1) if e is None else struct.pack(">i", len(e)) + e for e in elements
    )
    return struct.pack(">iiIii", 1, 0, oid, len(elements), 1) + b"".join(parts)


@pytest.mark.parametrize(
    ("oid", "data", "text"),
    [
        (_BOOL, b"\1", "t"),
        (_BOOL, b"\0", "f"),
        (_INT2, struct.pack(">h", -32_768), "-32768"),
        (_INT4, struct.pack(">i", 2**31 - 1), "2147483647"),
        (_INT8, struct.pack(">q", -(2**63)), "-9223372036854775808"),
        (_OID, struct.pack(">I", 2**32 - 1), "4294967295"),
        (_FLOAT4, struct.pack(">f", 0.1), "0.1"),
        (_FLOAT4, struct.pack(">f", 16_777_216), "16777216"),
        (_FLOAT4, struct.pack(">f", float("nan")), "NaN"),
        (_FLOAT8, struct.pack(">d", 0.1), "0.1"),
        (_FLOAT8, struct.pack(">d", 3.0), "3"),
        (_FLOAT8, struct.pack(">d", float("-inf")), "-Infinity"),
        (_TEXT, "café".encode(), "café"),
        (_TEXT, b"caf\xe9", "caf\\xe9"),
        (1042, b"x  ", "x  "),
        (1043, b"", ""),
        (19, b"name", "name"),
        (114, b'{"a": 1}', '{"a": 1}'),
        (_JSONB, b'\1{"a": 1}', '{"a": 1}'),
        (_BYTEA, b"\0\xff", "\\x00ff"),
        (_UUID, UUID(int=1).bytes, "00000000-0000-0000-0000-000000000001"),
        (_DATE, struct.pack(">i", 0), "2000-01-01"),
        (_DATE, struct.pack(">i", -1), "1999-12-31"),
        (_DATE, struct.pack(">i", 2**31 - 1), "infinity"),
        (_TIMESTAMP, struct.pack(">q", 1_500_000), "2000-01-01 00:00:01.5"),
        (_TIMESTAMP, struct.pack(">q", 1), "2000-01-01 00:00:00.000001"),
        (_TIMESTAMP, struct.pack(">q", -(2**63)), "-infinity"),
        (_TIMESTAMPTZ, struct.pack(">q", -1_000_000), "1999-12-31 23:59:59+00"),
        (_TIMESTAMPTZ, struct.pack(">q", 2**63 - 1), "infinity"),
        (_NUMERIC, _numeric(0, 0, 0), "0"),
        (_NUMERIC, _numeric(0, 0, 2, 12, 3400), "12.34"),
        (_NUMERIC, _numeric(1, 0x4000, 4, 1, 2, 3), "-10002.0003"),
        (_NUMERIC, _numeric(2, 0, 0, 7), "700000000"),
        (_NUMERIC, _numeric(-2, 0, 8, 1234), "0.00001234"),
        (_NUMERIC, _numeric(0, 0, 5, 1), "1.00000"),
        (_NUMERIC, _numeric(0, 0xC000, 0), "NaN"),
        (_NUMERIC, _numeric(0, 0xF000, 0), "-Infinity"),
        (_INT4_ARRAY, struct.pack(">iiI", 0, 0, _INT4), "{}"),
        (_INT4_ARRAY, _array(_INT4, b"\0\0\0\1", None, b"\0\0\0\2"), "{1,NULL,2}"),
        (_TEXT_ARRAY, _array(_TEXT, b"a", b"", b"NULL", b'b "c\\'), r'{a,"","NULL","b \"c\\"}'),
    ],
)
def test_a_value_reads_as_postgresql_prints_it(oid: int, data: bytes, text: str) -> None:
    assert in_text(data, oid) == text


@pytest.mark.parametrize(
    ("oid", "data"),
    [
        (0, b"unknown type"),
        (99_999, b""),
        (_BOOL, b"\2"),
        (_INT2, b"\1"),
        (_INT4, b"12345"),
        (_INT8, b""),
        (_UUID, b"x" * 15),
        (_JSONB, b"\2{}"),
        (_DATE, struct.pack(">i", 2**31 - 2)),
        (_TIMESTAMP, struct.pack(">q", 2**63 - 2)),
        (_NUMERIC, b"\0\5\0\0\0\0\0\0"),
        (_NUMERIC, _numeric(300, 0, 0, 1)),
        (_NUMERIC, _numeric(0, 0, 2_000, 1)),
        (_INT4_ARRAY, _array(99_999, b"x")),
        (_INT4_ARRAY, _array(_INT4, b"\0\0\0\1")[:-1]),
        (_INT4_ARRAY, _array(_INT4_ARRAY, _array(_INT4_ARRAY))),
        (_INT4_ARRAY, struct.pack(">iiIiiii", 2, 0, _INT4, 1, 1, 1, 1)),
        (_INT4_ARRAY, struct.pack(">iiIii", 1, 0, _INT4, 2**31 - 1, 1)),
    ],
)
def test_what_cannot_be_read_is_not(oid: int, data: bytes) -> None:
    assert in_text(data, oid) is None


@given(st.sampled_from([_BOOL, _FLOAT4, _DATE, _NUMERIC, _INT4_ARRAY, _UUID]), st.binary())
def test_foreign_bytes_raise_nothing(oid: int, data: bytes) -> None:
    in_text(data, oid)
    in_text(data, oid, cut=True)


@given(st.floats(width=32, allow_nan=False))
def test_a_short_float_is_read_as_the_same_number_again(number: float) -> None:
    text = in_text(struct.pack(">f", number), _FLOAT4)
    assert text is not None
    assert struct.pack(">f", float(text)) == struct.pack(">f", number)


@given(
    st.decimals(
        allow_nan=False, allow_infinity=False, places=6, min_value=-(10**9), max_value=10**9
    )
)
def test_a_decimal_keeps_all_its_digits(number: object) -> None:
    sign, digits = str(number)[0] == "-", f"{number:f}".lstrip("-")
    whole, _, fraction = digits.partition(".")
    whole = whole.rjust(-(-len(whole) // 4) * 4, "0")
    fraction = fraction.ljust(8, "0")
    groups = [int((whole + fraction)[i : i + 4]) for i in range(0, len(whole) + 8, 4)]
    data = _numeric(len(whole) // 4 - 1, 0x4000 if sign else 0, 6, *groups)
    assert in_text(data, _NUMERIC) == f"{number:f}"


def test_of_what_is_cut_only_texts_are_told() -> None:
    assert in_text("caf\u00e9".encode()[:-1], _TEXT, cut=True) == "caf"
    assert in_text(b'\1{"a', _JSONB, cut=True) == '{"a'
    assert in_text(b"\0\1", _BYTEA, cut=True) == "\\x0001"
    assert in_text(b"\0\0\0\1", _INT4, cut=True) is None


def test_half_a_character_is_left_out_at_a_cut_only() -> None:
    assert readable(b"caf\xc3", cut=True) == "caf"
    assert readable(b"caf\xc3") == "caf\\xc3"

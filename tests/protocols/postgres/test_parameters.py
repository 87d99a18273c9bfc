"""Parameters are read however they are cut, kept within bounds, and told without passwords."""

import struct
import tracemalloc
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.postgres.parameters import Parameters
from tests.protocols.postgres.queries import values

_ROOM = 1 << 20
_BYTEA, _INT4, _TEXT = 17, 23, 25


Told = tuple[tuple[str | None, ...], Mapping[str, int] | None]


def _told(
    data: bytes, types: tuple[int, ...] = (), *, cut: int = 1 << 30, secret: bool = False
) -> Told:
    """What is told of them, and how much of them is cut."""
    parameters = Parameters(_ROOM)
    for start in range(0, len(data), cut):
        parameters.take(memoryview(data)[start : start + cut])
    return parameters.told(types, secret=secret), parameters.cut


def _values(*told: str | None, **cut: int) -> Told:
    return told, {number.strip("_"): size for number, size in cut.items()} or None


def test_text_is_told_as_it_is(cut: int) -> None:
    data = values((), b"7", None, "é".encode(), b"", b"\xff")
    assert _told(data, cut=cut) == _values("7", None, "é", "", "\\xff")


def test_formats_are_of_all_or_of_each(cut: int) -> None:
    one, types = struct.pack(">i", 1), (_INT4, _INT4)
    assert _told(values((0,), b"1", b"2"), types, cut=cut) == _values("1", "2")
    assert _told(values((1,), one, one), types, cut=cut) == _values("1", "1")
    assert _told(values((0, 1), b"1", one), types, cut=cut) == _values("1", "1")


def test_what_is_binary_and_not_known_is_told_as_bytes(cut: int) -> None:
    data = values((1,), b"\0\1", b"\0\0\0\7", None)
    assert _told(data, (0,), cut=cut) == _values("\\x0001", "\\x00000007", None)
    assert _told(data, (0, _INT4, _INT4), cut=cut) == _values("\\x0001", "7", None)


def test_of_a_long_value_the_beginning_is_told_and_its_size(cut: int) -> None:
    blob = bytes(range(256)) * 40  # 10,240 bytes
    data = values((0, 1, 1, 0), b"x" * 8_192, blob, b"y" * 8_193, b"id")
    told = _told(data, (_TEXT, _BYTEA, _TEXT), cut=cut)
    shown = "\\x" + blob[:8_192].hex()
    assert told == _values("x" * 8_192, shown, "y" * 8_192, "id", _2=10_240, _3=8_193)


def test_of_very_many_the_first_are_told() -> None:
    told = _told(values((), *[b"1"] * 65_535))
    assert told == _values(*["1"] * 869, count=65_535)


def test_of_very_much_the_beginning_is_told() -> None:
    told = _told(values((), *[b"x" * 8_000] * 30, b"id"))
    assert told == _values(*["x" * 8_000] * 16, "x" * 672, _17=8_000, count=31)


def test_a_gigabyte_costs_no_memory() -> None:
    parameters = Parameters(_ROOM)
    chunk = memoryview(bytes(65_536))
    tracemalloc.start()
    try:
        parameters.take(struct.pack(">HHi", 0, 2, 0x3FFF0000))
        for _ in range(0x3FFF):
            parameters.take(chunk)
        parameters.take(struct.pack(">i", 2) + b"id")
        assert tracemalloc.get_traced_memory()[1] < 4 * 65_536
    finally:
        tracemalloc.stop()
    assert parameters.told((), secret=False) == ("\0" * 8_192, "id")
    assert parameters.cut == {"1": 0x3FFF0000}


@pytest.mark.parametrize(("room", "most"), [(_ROOM, 8 * 65_536), (0, 4_096)])
def test_very_many_formats_cost_little_memory(room: int, most: int) -> None:
    data = memoryview(struct.pack(">H", 65_535) + b"\1\2" * 65_535 + struct.pack(">H", 0))
    tracemalloc.start()
    try:
        parameters = Parameters(room)
        for start in range(0, len(data), 1_000):
            parameters.take(data[start : start + 1_000])
        left, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert left < 4_096
    assert peak < most
    assert parameters.told((), secret=False) == ()


def test_without_room_they_are_counted() -> None:
    parameters = Parameters(0)
    parameters.take(values((), b"1", b"2"))
    assert (parameters.told((), secret=False), parameters.cut) == ((), {"count": 2})
    assert parameters.weight == 0


def test_they_weigh_all_they_may_until_they_were_read() -> None:
    data = values((), b"1", b"22")
    parameters = Parameters(_ROOM)
    parameters.take(data[:-1])
    assert parameters.weight == 131_072
    parameters.take(data[-1:])
    assert parameters.weight == 303


def test_of_secret_ones_only_null_is_told(cut: int) -> None:
    data = values((1,), b"s3cret", None, b"s3cret" * 5_000)
    assert _told(data, cut=cut, secret=True) == _values("***", None, "***", _3=30_000)
    parameters = Parameters(_ROOM, secret=True)
    parameters.take(data)
    assert "s3cret" not in repr(parameters.told((), secret=False))


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (b"host=db password=s3cret user=joe", "host=db password=*** user=joe"),
        (b"password='s3 s3cret' user=joe", "password='***' user=joe"),
        (b"postgresql://joe:s3cret@db/shop", "postgresql://joe:***@db/shop"),
        (b"https://joe:s3cret@example.org/", "https://joe:***@example.org/"),
        (b'{"user": "joe", "password": "s3\\"s3cret"}', '{"user": "joe", "password": "***"}'),
        (b"ALTER ROLE joe PASSWORD 's3cret'", "ALTER ROLE joe PASSWORD '***'"),
        (b"https://example.org:8080", "https://example.org:8080"),
    ],
)
def test_passwords_in_a_value_are_not_told(value: bytes, told: str) -> None:
    assert _told(values((), value)) == _values(told)
    assert _told(values((1,), value), (_TEXT,)) == _values(told)


def test_bytes_that_may_say_a_password_are_not_told() -> None:
    assert _told(values((1,), b"\1password=s3cret")) == _values("***")
    assert _told(values((1,), b"\1://joe:s3cret@db")) == _values("***")


def test_a_uri_that_is_cut_before_its_host_is_not_told() -> None:
    long = b"x" * 8_170 + b"://joe:s3cret" + b"s3cret" * 9 + b"@db"
    assert "s3cret" not in repr(_told(values((), long)))


@given(st.binary(max_size=60), st.lists(st.integers(1, 20), max_size=10))
def test_foreign_bytes_raise_nothing(data: bytes, cuts: list[int]) -> None:
    parameters = Parameters(_ROOM)
    rest = memoryview(data)
    while rest:
        size = cuts.pop() if cuts else len(rest)
        parameters.take(rest[:size])
        rest = rest[size:]
    told = parameters.told((_INT4,) * 3, secret=False), parameters.cut
    assert told == _told(data, (_INT4,) * 3)

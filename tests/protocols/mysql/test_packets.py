"""Frames, and the types that packets are made of."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.mysql.packets import (
    MAX_PAYLOAD,
    Reader,
    cstring,
    lenenc_bytes,
    lenenc_int,
    packet,
    raw,
    text,
)


def test_a_packet_has_its_length_and_number() -> None:
    assert packet(3, b"hello") == b"\5\0\0\3hello"
    assert packet(255, b"") == b"\0\0\0\xff"


def test_a_long_payload_goes_on_in_the_next_packet() -> None:
    sent = packet(255, b"x" * (MAX_PAYLOAD + 2))
    assert sent[:4] == b"\xff\xff\xff\xff"
    assert sent[4 + MAX_PAYLOAD :] == b"\2\0\0\0xx"


def test_a_payload_that_just_fits_is_followed_by_an_empty_packet() -> None:
    sent = packet(0, b"x" * MAX_PAYLOAD)
    assert sent[4 + MAX_PAYLOAD :] == b"\0\0\0\1"


@pytest.mark.parametrize(
    ("value", "encoded"),
    [
        (0, b"\0"),
        (0xFA, b"\xfa"),
        (0xFB, b"\xfc\xfb\0"),
        (0xFFFF, b"\xfc\xff\xff"),
        (0x10000, b"\xfd\0\0\1"),
        (0xFFFFFF, b"\xfd\xff\xff\xff"),
        (0x1000000, b"\xfe\0\0\0\1\0\0\0\0"),
        (2**64 - 1, b"\xfe" + b"\xff" * 8),
    ],
)
def test_a_length_takes_as_many_bytes_as_it_needs(value: int, encoded: bytes) -> None:
    assert lenenc_int(value) == encoded
    reader = Reader(encoded + b"next")
    assert reader.lenenc_int() == value
    assert reader.rest() == b"next"


@given(st.lists(st.binary(max_size=300)))
def test_what_was_written_is_read(values: list[bytes]) -> None:
    reader = Reader(memoryview(b"".join(map(lenenc_bytes, values))))
    assert [reader.lenenc_bytes() for _ in values] == values
    assert reader.left == 0


def test_numbers_are_little_endian() -> None:
    reader = Reader(bytes(range(1, 19)))
    assert reader.uint8() == 0x01
    assert reader.uint16() == 0x0302
    assert reader.uint24() == 0x060504
    assert reader.uint32() == 0x0A090807
    assert reader.uint64() == 0x1211100F0E0D0C0B


def test_a_string_ends_with_its_nul() -> None:
    reader = Reader(b"..one\0\0two", 2)
    assert (reader.cbytes(), reader.cbytes(), reader.cbytes_or_rest()) == (b"one", b"", b"two")
    assert reader.cbytes_or_rest() == b""


def test_null_is_no_length() -> None:
    assert Reader(b"\xfb").lenenc_int_or_null() is None
    with pytest.raises(ValueError, match="NULL"):
        Reader(b"\xfb").lenenc_int()


@pytest.mark.parametrize(
    ("payload", "read"),
    [
        (b"", Reader.uint8),
        (b"\1", Reader.uint16),
        (b"\xfc\1", Reader.lenenc_int),
        (b"\5four", Reader.lenenc_bytes),
        (b"\xff\1\1\1\1\1\1\1\1", Reader.lenenc_int),
        (b"no end", Reader.cbytes),
        (b"\xfe" + b"\xff" * 8 + b"short", Reader.lenenc_bytes),
    ],
)
def test_what_ends_too_early_is_no_value(payload: bytes, read: object) -> None:
    with pytest.raises(ValueError, match=r"too early|0xFF|does not end"):
        read(Reader(payload))  # type: ignore[operator]


@given(st.binary())
def test_text_is_sent_on_as_it_came(value: bytes) -> None:
    assert raw(text(value)) == value


def test_a_nul_cannot_be_in_a_string_that_ends_with_one() -> None:
    assert cstring("né") == b"n\xc3\xa9\0"
    with pytest.raises(ValueError, match="NUL byte"):
        cstring("a\0b")

"""The first fields of a client's messages, as far as the audit needs them."""

import struct
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.errors import ClientProtocolError
from protocols.postgres.frames import KEPT
from protocols.postgres.requests import (
    are_readable,
    read_bind,
    read_execute,
    read_function,
    read_parse,
    read_query,
    read_target,
)
from protocols.postgres.statements import Statement, read_types
from tests.protocols.postgres.queries import SYNC, message, query, values

_NAMED: list[Callable[[bytes], object]] = [
    lambda body: read_parse(body, len(body)),
    read_bind,
    read_execute,
    read_target,
]


def _text(statement: Statement) -> tuple[str, int]:
    return statement.told, statement.size


def _query(body: bytes) -> Statement:
    return read_query(body, len(body))


def test_a_query_is_its_text() -> None:
    assert _text(_query(b"SELECT 1\0")) == ("SELECT 1", 8)
    assert _text(_query(b"\0")) == ("", 0)
    assert _text(_query(b"")) == ("", 0)
    assert _text(_query(b"no end")) == ("no end", 6)


def test_a_parse_is_a_name_and_a_text() -> None:
    body = b"s1\0SELECT $1\0\0\1\0\0\0\x17"
    name, statement = read_parse(body, len(body))
    assert (name, _text(statement), statement.types) == (b"s1", ("SELECT $1", 9), b"")


def test_a_parse_has_types_too_where_they_are_wanted() -> None:
    body = b"\0SELECT $1\0\0\2\0\0\0\x17\0\0\0\0"
    assert read_parse(body, len(body), types=True)[1].types == struct.pack(">II", 23, 0)
    assert read_parse(body[:-1], len(body), types=True)[1].types == struct.pack(">I", 23)


def test_a_text_without_an_end_is_as_long_as_it_is() -> None:
    assert _text(read_parse(b"s1\0", 3)[1]) == ("", 0)
    assert _text(read_parse(b"s1\0SELECT", 9)[1]) == ("SELECT", 6)


@pytest.mark.parametrize("counted", [b"", b"\0", b"\0\0", b"\0\1", b"\0\1\0\0\0", b"\0\0\0\0\0\1"])
def test_types_that_are_not_there_are_none(counted: bytes) -> None:
    assert read_types(counted) == b""


def test_of_a_text_that_is_cut_the_rest_is_counted() -> None:
    whole = b"s1\0" + b"x" * 1_000 + b"\0\0\1\0\0\0\x17"
    _, statement = read_parse(whole[:100], len(whole))
    assert statement.whole is not None
    statement.whole.take(memoryview(whole)[100:600])
    statement.whole.take(memoryview(whole)[600:])
    assert _text(statement) == ("x" * 97, 1_000)


def test_a_bind_is_a_portal_and_then_a_statement() -> None:
    body = b"portal\0statement\0\0\0\0\0\0\0"
    assert read_bind(body) == (b"portal", b"statement", bytes(6))


def test_an_execute_is_a_portal_and_a_limit() -> None:
    assert read_execute(b"portal\0\0\0\1\0") == (b"portal", 256)
    assert read_execute(b"\0\0\0\0\0") == (b"", 0)


@pytest.mark.parametrize("name", [b"Sname", b"Pname", b"S"])
def test_a_close_or_describe_is_a_kind_and_a_name(name: bytes) -> None:
    assert read_target(name + b"\0") == name


def test_a_function_is_told_by_its_oid() -> None:
    body = b"\0\0\x03\xb9" + values((), b"1") + bytes(2)
    statement = read_function(body, None)
    assert (statement.told, statement.parameters_told) == ("function 953", None)
    assert read_function(body, 1_000).parameters_told == ("1",)


def test_what_a_function_of_somebody_elses_is_given_is_secret() -> None:
    told = read_function(b"\0\0\x40\0" + values((), b"s3cret", None) + bytes(2), 1_000)
    assert told.told == "function 16384"
    assert told.parameters_told == ("***", None)


def test_a_name_has_63_bytes_at_most() -> None:
    name = bytes(range(1, 100))
    assert read_parse(name + b"\0x\0\0\0", 104)[0] == name[:63]
    assert read_execute(name + b"\0\0\0\0\7") == (name[:63], 7)
    assert read_target(b"S" + name + b"\0") == b"S" + name[:63]
    assert read_bind(name + b"\0" + name + b"\0")[:2] == (name[:63], name[:63])


@pytest.mark.parametrize("read", _NAMED)
@pytest.mark.parametrize("body", [b"", b"S", b"no end"])
def test_a_name_without_an_end_is_refused(read: Callable[[bytes], object], body: bytes) -> None:
    with pytest.raises(ClientProtocolError, match="name has no end"):
        read(body)


def test_a_bind_needs_both_its_names() -> None:
    with pytest.raises(ClientProtocolError, match="name has no end"):
        read_bind(b"portal\0statement")


@given(st.sampled_from(_NAMED), st.binary(max_size=30))
def test_foreign_bytes_are_a_request_or_a_refusal(
    read: Callable[[bytes], object], body: bytes
) -> None:
    try:
        read(body)
    except ClientProtocolError:
        assert b"\0" not in body[1:] or body.count(b"\0") < 2


@given(st.binary(max_size=30), st.integers(0, 1 << 30))
def test_foreign_bytes_are_a_query_or_a_function_call(body: bytes, more: int) -> None:
    assert read_query(body, len(body) + more).size >= 0
    assert read_function(body, 1_000).parameters_told is not None


# -- what certainly can be read ----------------------------------------------------------------


@pytest.mark.parametrize(
    "chunk",
    [
        query("SELECT 1"),
        message(b"Q", b"no end"),
        message(b"P", b"s\0SELECT 1\0\0\0"),
        message(b"B", b"p\0s\0\0\0"),
        message(b"E", b"p\0\0\0\0\0"),
        message(b"D", b"S\0"),
        message(b"C", b"P\0"),
        SYNC,
        message(b"H", b""),
    ],
)
def test_whole_messages_are_readable(chunk: bytes) -> None:
    assert are_readable(chunk)
    assert are_readable(chunk + SYNC)
    for size in range(1, len(chunk)):
        assert not are_readable(chunk[:size])
        assert not are_readable(SYNC + chunk[:size])


@pytest.mark.parametrize(
    "chunk",
    [
        message(b"P", b"no end"),
        message(b"B", b"p\0no end"),
        message(b"E", b"no end"),
        message(b"D", b"S"),
        message(b"D", b"\0no end"),
        message(b"C", b""),
        message(b"d", b"copied"),
        message(b"F", b"\0\0\0\1"),
        message(b"?", b""),
        b"Q\0\0\0\3",
        b"S\xff\xff\xff\xff",
        SYNC + b"S",
    ],
)
def test_what_may_be_wrong_or_unusual_is_not(chunk: bytes) -> None:
    assert not are_readable(chunk)
    assert not are_readable(SYNC + chunk)


def test_what_is_longer_than_what_is_kept_is_not_certain_to_be_readable() -> None:
    name = b"S" + bytes(KEPT).replace(b"\0", b"x") + b"\0"
    assert not are_readable(message(b"C", name))
    assert are_readable(message(b"C", name[-KEPT:]))

"""The first fields of a client's messages, as far as the audit needs them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.errors import ClientProtocolError
from protocols.postgres.requests import ANSWERED, Request, Statement, first_string, read_request


def _read(kind: str, body: bytes) -> Request:
    return read_request(kind, body, len(body), 1.5, 2)


def test_when_it_was_asked_is_noted() -> None:
    request = _read("S", b"")
    assert (request.kind, request.started, request.copies_before) == ("S", 1.5, 2)
    assert not request.answered


def test_a_query_is_its_text() -> None:
    assert _read("Q", b"SELECT 1\0").statement == Statement("SELECT 1", 8)
    assert _read("Q", b"\0").statement == Statement("", 0)
    assert _read("Q", b"").statement == Statement("", 0)


def test_a_parse_is_a_name_and_a_text() -> None:
    request = _read("P", b"s1\0SELECT $1\0\0\1\0\0\0\x17")
    assert (request.name, request.statement) == (b"s1", Statement("SELECT $1", 9))


def test_of_a_text_that_is_cut_the_size_is_what_the_message_has_left() -> None:
    whole = b"s1\0" + b"x" * 1_000 + b"\0\0\0"
    request = read_request("P", whole[:100], len(whole), 0.0, 0)
    assert request.statement == Statement("x" * 97, 1_000)
    assert read_request("Q", b"x" * 100, 1_001, 0.0, 0).statement == Statement("x" * 100, 1_000)


def test_a_text_without_an_end_is_as_long_as_it_is() -> None:
    assert _read("P", b"s1\0").statement == Statement("", 0)
    assert _read("P", b"s1\0SELECT").statement == Statement("SELECT", 6)


def test_a_bind_is_a_portal_and_then_a_statement() -> None:
    request = _read("B", b"portal\0statement\0\0\0\0\0\0\0")
    assert (request.name, request.source) == (b"portal", b"statement")


def test_an_execute_is_a_portal_and_a_limit() -> None:
    request = _read("E", b"portal\0\0\0\1\0")
    assert (request.name, request.row_limit) == (b"portal", 256)
    assert _read("E", b"\0\0\0\0\0").row_limit == 0


@pytest.mark.parametrize("name", [b"Sname", b"Pname", b"S"])
def test_a_close_is_a_kind_and_a_name(name: bytes) -> None:
    assert _read("C", name + b"\0").name == name


def test_a_name_has_63_bytes_at_most() -> None:
    name = bytes(range(1, 100))
    assert _read("P", name + b"\0x\0\0\0").name == name[:63]
    assert _read("E", name + b"\0\0\0\0\7").name == name[:63]
    assert _read("C", b"S" + name + b"\0").name == b"S" + name[:63]
    bind = _read("B", name + b"\0" + name + b"\0")
    assert (bind.name, bind.source) == (name[:63], name[:63])


@pytest.mark.parametrize("kind", ["P", "B", "E", "C"])
@pytest.mark.parametrize("body", [b"", b"S", b"no end"])
def test_a_name_without_an_end_is_refused(kind: str, body: bytes) -> None:
    with pytest.raises(ClientProtocolError, match="name has no end"):
        _read(kind, body)


def test_a_bind_needs_both_its_names() -> None:
    with pytest.raises(ClientProtocolError, match="name has no end"):
        _read("B", b"portal\0statement")


def test_first_string_stays_readable() -> None:
    assert first_string(b"caf\xc3\xa9 \xff\0rest") == "café \\xff"


@given(st.sampled_from(ANSWERED.decode()), st.binary(max_size=30), st.integers(0, 1 << 30))
def test_foreign_bytes_are_a_request_or_a_refusal(kind: str, body: bytes, more: int) -> None:
    try:
        request = read_request(kind, body, len(body) + more, 0.0, 0)
    except ClientProtocolError:
        assert kind in "PBEC"
        return
    assert request.statement.size >= 0

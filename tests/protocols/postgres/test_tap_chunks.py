"""The tap tells the same however a session's bytes were cut, and foreign bytes are a refusal."""

from contextlib import suppress
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocols.errors import ClientProtocolError, Refusal, ServerProtocolError
from protocols.postgres.reports import PostgresQuery
from tests.protocols.postgres.queries import (
    ASYNCHRONOUS,
    BOUND,
    CLOSED,
    COLUMNS,
    COPY_DONE,
    COPY_IN,
    COPY_OUT,
    FAILED,
    FLUSH,
    IN_TRANSACTION,
    PARSED,
    READY,
    SUSPENDED,
    SYNC,
    TERMINATE,
    Watched,
    bind,
    close,
    complete,
    copy_data,
    done,
    execute,
    extended,
    failed,
    message,
    parse,
    query,
    row,
)

_LONG = "SELECT '" + "x" * 70_000 + "'"

# What the client says, and all that upstream answers to it.
_RECORDED = [
    (query("SELECT 1; SELECT 2"), COLUMNS + row(b"1") + complete("SELECT 1") + ASYNCHRONOUS),
    (b"", complete("SELECT 1") + READY),
    (parse(_LONG, b"s") + bind(b"p", b"s") + execute(b"p", 1) + FLUSH, PARSED + BOUND + row(b"1")),
    (execute(b"p", 1) + SYNC, SUSPENDED + row(b"2") + SUSPENDED + IN_TRANSACTION),
    (extended("a") + extended("bad") + extended("skipped") + query("skipped") + SYNC, done("A 1")),
    (b"", PARSED + BOUND + failed("22012") + FAILED),
    (query("ROLLBACK"), complete("ROLLBACK") + READY),
    (extended("COPY t FROM STDIN") + SYNC, PARSED + BOUND + COPY_IN),
    (copy_data(READY) * 3 + SYNC + COPY_DONE + SYNC, complete("COPY 3") + READY),
    (query("COPY t TO STDOUT"), COPY_OUT + copy_data(READY) * 2 + COPY_DONE + complete("COPY 2")),
    (close(b"S", b"s") + SYNC, READY + CLOSED + READY),
    (message(b"F", bytes(10)) + extended("cut short"), message(b"V", b"\0\0\0\0") + READY + PARSED),
]


def _told(steps: list[tuple[bytes, bytes]]) -> list[PostgresQuery]:
    watched = Watched()
    for asked, answered in steps:
        watched.client(asked)
        watched.upstream(answered)
    watched.tap.close()
    return watched.told


_EXPECTED = _told(_RECORDED)


def test_the_recorded_session_tells_what_happened() -> None:
    assert [(e.statement[:20], e.rows, e.sqlstate, e.finished) for e in _EXPECTED] == [
        ("SELECT 1; SELECT 2", 2, None, True),
        ("a", 1, None, True),
        ("bad", 0, "22012", True),
        ("ROLLBACK", 0, None, True),
        (_LONG[:20], 2, None, True),
        ("COPY t FROM STDIN", 3, None, True),
        ("COPY t TO STDOUT", 2, None, True),
        ("function 0", 0, None, True),
        ("cut short", 0, None, False),
    ]


def _pieces(data: bytes, draw: st.DataObject) -> list[bytes]:
    positions = draw.draw(st.lists(st.integers(0, len(data)), max_size=8).map(sorted))
    return [data[a:b] for a, b in pairwise([0, *positions, len(data)])]


@settings(max_examples=25)
@given(st.data())
def test_it_is_all_one_how_the_bytes_were_cut(data: st.DataObject) -> None:
    watched = Watched()
    for asked, answered in _RECORDED:
        for piece in _pieces(asked, data):
            watched.client(piece)
        for piece in _pieces(answered, data):
            watched.upstream(piece)
    watched.tap.close()
    assert watched.told == _EXPECTED


@given(st.integers(1, len(_RECORDED) - 1))
def test_it_is_all_one_how_far_ahead_the_client_was(turns: int) -> None:
    """But for copied bytes: data sent ahead of its COPY belongs to the one before as well."""
    ahead = [(b"".join(asked for asked, _ in _RECORDED[:turns]), b"")]
    ahead += [(b"", answered) for _, answered in _RECORDED[:turns]]
    told = _told(ahead + _RECORDED[turns:])
    assert [(e.statement, e.commands, e.rows, e.sqlstate, e.finished) for e in told] == [
        (e.statement, e.commands, e.rows, e.sqlstate, e.finished) for e in _EXPECTED
    ]
    assert sum(e.copied_bytes for e in told) == sum(e.copied_bytes for e in _EXPECTED)


def test_byte_by_byte() -> None:
    watched = Watched(cut=1)
    for asked, answered in _RECORDED:
        watched.client(asked)
        watched.upstream(answered)
    watched.tap.close()
    assert watched.told == _EXPECTED


_KINDS = [bytes([kind]) for kind in b"QPBECDSFXHdcfp123nsITGHZVWNARKtv"]
_messages = st.builds(
    message, st.sampled_from(_KINDS), st.binary(max_size=12) | st.just(b"a\0b\0\0")
)
_known = st.sampled_from(
    [failed(), READY, extended("x"), SYNC, COPY_IN, complete("COPY 2"), TERMINATE]
)
_steps = st.tuples(st.booleans(), _messages | _known | st.binary(max_size=8))


@given(st.lists(_steps, max_size=40))
def test_foreign_bytes_raise_nothing_but_refusals(steps: list[tuple[bool, bytes]]) -> None:
    watched = Watched()
    with suppress(Refusal):
        for from_client, data in steps:
            (watched.client if from_client else watched.upstream)(data)
    watched.tap.close()
    assert not watched.tap.busy


@given(st.lists(st.sampled_from([message(k, b"a\0b\0\0") for k in _KINDS]), max_size=60))
def test_every_statement_that_was_asked_is_told_once(messages: list[bytes]) -> None:
    watched = Watched()
    watched.client(b"".join(messages))
    watched.tap.close()
    assert len(watched.events) == sum(m[:1] in (b"Q", b"E", b"F") for m in messages)


def test_whose_fault_it_is_is_told_apart() -> None:
    with pytest.raises(ClientProtocolError):
        Watched().client(bytes(5))
    with pytest.raises(ServerProtocolError):
        Watched().upstream(bytes(5))

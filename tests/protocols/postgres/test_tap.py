"""The simple protocol, function calls, texts that are told, and what is not the protocol."""

import pytest

from protocols.errors import ClientProtocolError, Reason, ServerProtocolError
from protocols.postgres.reports import PostgresPrepare
from tests.protocols.postgres.queries import (
    ASYNCHRONOUS,
    COLUMNS,
    COPY_IN,
    EMPTY,
    IN_TRANSACTION,
    READY,
    SYNC,
    TERMINATE,
    Watched,
    complete,
    extended,
    failed,
    message,
    parse,
    query,
    ran,
    row,
)

_SELECT = COLUMNS + row(b"1") + complete("SELECT 1")


def test_a_query_is_told_when_it_is_done(cut: int) -> None:
    watched = Watched(cut)
    watched.client(query("SELECT 1"))
    watched.now = 0.0125
    watched.upstream(_SELECT)
    assert watched.events == []
    watched.upstream(READY)
    assert watched.told == [ran("SELECT 1", "SELECT 1", rows=1, protocol="simple")]
    assert watched.events[0].duration_ms == 12.5


@pytest.mark.parametrize(
    ("tag", "rows"),
    [
        ("SELECT 7", 7),
        ("INSERT 0 3", 3),
        ("UPDATE 0", 0),
        ("COPY 1234567890123", 1234567890123),
        ("CREATE TABLE", 0),
        ("BEGIN", 0),
        ("", 0),
        ("SELECT \u00b2", 0),  # digits to str, and no number to int
        ("SELECT \u0663", 0),
        ("SELECT " + "9" * 5_000, 0),
        ("SELECT -1", 0),
    ],
)
def test_rows_are_counted_by_the_tag(cut: int, tag: str, rows: int) -> None:
    watched = Watched(cut)
    watched.client(query("x"))
    watched.upstream(complete(tag) + READY)
    assert watched.told == [ran("x", tag[:64], rows=rows, protocol="simple")]


def test_several_statements_of_one_query_are_one_event(cut: int) -> None:
    watched = Watched(cut)
    watched.client(query("SELECT 1; DELETE FROM t; ; SELECT 2"))
    watched.upstream(_SELECT + complete("DELETE 5") + _SELECT + READY)
    expected = ("SELECT 1", "DELETE 5", "SELECT 1")
    assert watched.told == [
        ran("SELECT 1; DELETE FROM t; ; SELECT 2", *expected, rows=7, protocol="simple")
    ]


def test_of_several_statements_one_may_fail(cut: int) -> None:
    watched = Watched(cut)
    watched.client(query("SELECT 1; bogus; SELECT 2") + query("SELECT 3"))
    watched.upstream(_SELECT + failed("42601") + READY + _SELECT + READY)
    assert watched.told == [
        ran("SELECT 1; bogus; SELECT 2", "SELECT 1", rows=1, protocol="simple", sqlstate="42601"),
        ran("SELECT 3", "SELECT 1", rows=1, protocol="simple"),
    ]


def test_an_empty_query_is_one_too(cut: int) -> None:
    watched = Watched(cut)
    watched.client(query("") + query("SELECT 1"))
    watched.upstream(EMPTY + READY + _SELECT + READY)
    assert [event.statement for event in watched.events] == ["", "SELECT 1"]


def test_a_function_call_is_told_by_its_oid(cut: int) -> None:
    watched = Watched(cut)
    call = message(b"F", b"\0\0\6\x3e" + bytes(6))
    watched.client(call + query("SELECT 1") + call)
    watched.upstream(message(b"V", b"\0\0\0\2ok") + READY + _SELECT + READY)
    watched.upstream(failed("42883") + READY)
    assert watched.told == [
        ran("function 1598", protocol="function"),
        ran("SELECT 1", "SELECT 1", rows=1, protocol="simple"),
        ran("function 1598", protocol="function", sqlstate="42883"),
    ]


def test_what_comes_at_any_time_disturbs_nothing(cut: int) -> None:
    watched = Watched(cut)
    watched.upstream(ASYNCHRONOUS)
    watched.client(query("SELECT 1"))
    answer = [COLUMNS, row(b"1"), complete("SELECT 1"), IN_TRANSACTION]
    watched.upstream(ASYNCHRONOUS + ASYNCHRONOUS.join(answer) + ASYNCHRONOUS)
    assert watched.told == [ran("SELECT 1", "SELECT 1", rows=1, protocol="simple")]
    assert not watched.tap.busy


def test_a_row_that_looks_like_messages_ends_nothing(cut: int) -> None:
    watched = Watched(cut)
    forged = complete("SELECT 99") + READY + failed() + complete("DELETE 99") + READY
    watched.client(query("SELECT forged"))
    watched.upstream(COLUMNS + row(forged) + row(forged))
    assert watched.events == []
    watched.upstream(complete("SELECT 2") + READY)
    assert watched.told == [ran("SELECT forged", "SELECT 2", rows=2, protocol="simple")]


def test_data_that_looks_like_messages_asks_nothing(cut: int) -> None:
    watched = Watched(cut)
    forged = query("DROP TABLE t") + TERMINATE + SYNC
    watched.client(message(b"d", forged) + message(b"p", forged) + message(b"Q", forged + b"\0"))
    watched.upstream(_SELECT + READY)
    assert [event.statement for event in watched.events] == ["Q"]
    assert not watched.tap.busy


# -- text -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [65_534, 65_535, 65_536, 65_537, 200_000])
def test_a_long_statement_is_cut_and_its_size_told(size: int) -> None:
    sql = "x" * size
    for cut in (1_000, 65_536, 1 << 30):
        watched = Watched(cut)
        watched.client(query(sql) + parse(sql) + extended(sql) + SYNC + query("SELECT 1"))
        watched.upstream(complete("A") + READY + failed() + READY + _SELECT + READY)
        simple, long, after = watched.told
        assert (simple.statement_bytes, long.statement_bytes) == (size, size)
        assert simple.statement == sql[:65_536]
        assert long.statement == sql[:65_535]  # behind its name's NUL
        assert after == ran("SELECT 1", "SELECT 1", rows=1, protocol="simple")


def test_a_text_that_is_not_utf_8_stays_readable(cut: int) -> None:
    watched = Watched(cut)
    watched.client(message(b"Q", b"SELECT 'caf\xe9'\0"))
    watched.upstream(_SELECT + READY)
    assert watched.events[0].statement == r"SELECT 'caf\xe9'"
    assert watched.events[0].statement_bytes == 13


def test_a_password_in_a_statement_is_not_told(cut: int) -> None:
    watched = Watched(cut)
    watched.client(query("ALTER ROLE joe PASSWORD 's3cret'") + extended("PASSWORD 's3cret'") + SYNC)
    watched.upstream(complete("ALTER ROLE") + READY + failed() + READY)
    assert [event.statement for event in watched.events] == [
        "ALTER ROLE joe PASSWORD '***'",
        "PASSWORD '***'",
    ]
    assert watched.events[0].statement_bytes == 32


def test_a_long_error_is_read_as_far_as_it_is_kept(cut: int) -> None:
    """`RAISE EXCEPTION` with 100 000 characters is an error like any other."""
    for size in (*range(65_450, 65_540), 100_000):
        watched = Watched(1 << 14 if cut < 8 else cut)
        fields = b"SERROR\0VERROR\0CP0001\0M" + b"x" * size + b"\0Fpl_exec.c\0\0"
        watched.client(query("SELECT f()") + query("SELECT 1"))
        watched.upstream(message(b"E", fields) + READY + _SELECT + READY)
        assert [event.sqlstate for event in watched.events] == ["P0001", None]


# -- what is not the protocol ---------------------------------------------------------------------


@pytest.mark.parametrize("length", [0, 3, 0x40000000, 0x7FFFFFFF, 0xFFFFFFFF])
@pytest.mark.parametrize("kind", [b"Q", b"d", b"D", b"E", b"x"])
def test_a_length_that_is_none_ends_the_session(cut: int, kind: bytes, length: int) -> None:
    data = message(b"H") + kind + length.to_bytes(4, "big") + bytes(100)
    with pytest.raises(ClientProtocolError, match="invalid message length"):
        Watched(cut).client(data)
    with pytest.raises(ServerProtocolError, match="upstream sent an invalid message length"):
        Watched(cut).upstream(data)


@pytest.mark.parametrize("body", [b"", b"no end", b"S\0\0\0\0", b"\0\0"])
def test_an_error_that_is_none_ends_the_session(cut: int, body: bytes) -> None:
    with pytest.raises(ServerProtocolError, match="malformed error"):
        Watched(cut).upstream(message(b"E", body))


@pytest.mark.parametrize("kind", [b"P", b"B", b"E", b"C"])
@pytest.mark.parametrize("size", [0, 10, 65_536, 70_000])
def test_a_name_without_an_end_ends_the_session(kind: bytes, size: int) -> None:
    """Behind such a name a statement would not be seen."""
    for end in (b"", b"\0evil\0"):
        if size + len(end) < 65_536 and end:
            continue
        with pytest.raises(ClientProtocolError, match="name has no end") as caught:
            Watched().client(message(kind, b"S" + b"x" * size + end))
        assert caught.value.reason is Reason.OVERSIZED


def test_a_client_far_ahead_of_its_answers_is_held_back_until_half_are_there() -> None:
    watched = Watched()
    watched.client(SYNC * 9_999)
    assert not watched.tap.full
    watched.client(SYNC)
    assert watched.tap.full
    watched.upstream(READY * 5_000)
    assert watched.tap.full
    watched.upstream(READY)
    assert not watched.tap.full
    watched.client(SYNC * 5_000)
    assert not watched.tap.full


def test_a_named_statement_is_told_of_once_it_exists_for_sql_may_execute_it_by_name() -> None:
    watched = Watched()
    parse = message(b"P", b"s\xff1\0DROP TABLE t WHERE password='x'\0\0\0")
    watched.client(parse + message(b"P", b"\0SELECT 1\0\0\0") + SYNC)
    assert watched.prepared == []
    watched.upstream(message(b"1", b"") * 2 + READY)
    told = PostgresPrepare("s\\xff1", "DROP TABLE t WHERE password='***'", 31, None)
    assert watched.prepared == [told]


def test_answers_that_nobody_asked_for_are_passed_over(cut: int) -> None:
    watched = Watched(cut)
    unasked = b"".join(message(kind.to_bytes()) for kind in b"123nsITGHZCVDdcWvtRK")
    watched.upstream(unasked + failed() + COPY_IN)
    watched.tap.close()
    assert watched.events == []

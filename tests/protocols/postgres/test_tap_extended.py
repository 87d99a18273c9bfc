"""The extended protocol: which statement a message runs, and what is skipped after an error."""

import pytest

from tests.protocols.postgres.queries import (
    ASYNCHRONOUS,
    BOUND,
    CLOSED,
    COLUMNS,
    EMPTY,
    FAILED,
    FLUSH,
    IN_TRANSACTION,
    NO_DATA,
    PARSED,
    READY,
    SUSPENDED,
    SYNC,
    Watched,
    bind,
    close,
    complete,
    describe,
    done,
    execute,
    extended,
    failed,
    message,
    parse,
    query,
    ran,
    row,
)

_PARAMETERS = message(b"t", b"\0\0")


def test_a_statement_is_told_once_its_sync_is_answered(cut: int) -> None:
    watched = Watched(cut)
    watched.client(
        parse("SELECT $1", types=1) + describe(b"S") + bind() + describe(b"P") + execute()
    )
    watched.client(SYNC)
    watched.now = 0.002
    watched.upstream(PARSED + _PARAMETERS + COLUMNS + BOUND + COLUMNS + row(b"1"))
    watched.upstream(complete("SELECT 1"))
    watched.now = 0.005
    assert watched.events == []
    assert watched.tap.busy
    watched.upstream(READY)
    assert watched.told == [ran("SELECT $1", "SELECT 1", rows=1)]
    assert watched.events[0].duration_ms == 5.0
    assert not watched.tap.busy


def test_a_statement_whose_sync_was_not_sent_is_told_when_it_was_executed(cut: int) -> None:
    """Nobody knows when that will be."""
    watched = Watched(cut)
    watched.client(extended("SELECT 1") + FLUSH)
    watched.upstream(done("SELECT 1"))
    assert watched.told == [ran("SELECT 1", "SELECT 1", rows=1)]


def test_a_pipeline_is_answered_in_its_order(cut: int) -> None:
    watched = Watched(cut)
    watched.client(b"".join(extended(f"SELECT {n}") + FLUSH for n in range(5)) + SYNC)
    for n in range(5):
        watched.upstream(ASYNCHRONOUS + done(f"SELECT {n}"))
    watched.upstream(READY)
    assert watched.told == [ran(f"SELECT {n}", f"SELECT {n}", rows=n) for n in range(5)]


def test_an_empty_statement_is_one_too(cut: int) -> None:
    watched = Watched(cut)
    watched.client(parse("") + bind() + describe(b"P") + execute() + extended("SELECT 1") + SYNC)
    watched.upstream(PARSED + BOUND + NO_DATA + EMPTY + done("SELECT 1") + READY)
    assert watched.told == [ran(""), ran("SELECT 1", "SELECT 1", rows=1)]


def test_batches_may_be_pipelined(cut: int) -> None:
    watched = Watched(cut)
    batch = extended("INSERT 1") + SYNC + query("SELECT 2") + extended("INSERT 3") + SYNC
    watched.client(batch)
    watched.upstream(done("INSERT 0 1") + READY + complete("SELECT 2") + READY)
    watched.upstream(done("INSERT 0 3") + READY)
    assert watched.told == [
        ran("INSERT 1", "INSERT 0 1", rows=1),
        ran("SELECT 2", "SELECT 2", rows=2, protocol="simple"),
        ran("INSERT 3", "INSERT 0 3", rows=3),
    ]


# -- errors ---------------------------------------------------------------------------------------

_BAD, _AFTER = extended("bad"), extended("after")
_BAD_TOLD = ran("bad", sqlstate="42601")
_NEXT = ran("next", "SELECT 1", rows=1)


@pytest.mark.parametrize(
    "answered", [b"", PARSED, PARSED + BOUND], ids=["at Parse", "at Bind", "at Execute"]
)
def test_after_an_error_all_is_skipped_up_to_sync(cut: int, answered: bytes) -> None:
    watched = Watched(cut)
    watched.client(extended("first") + _BAD + _AFTER + describe(b"P") + close(b"P") + SYNC)
    watched.client(extended("next") + SYNC)
    watched.upstream(done("SELECT 0") + answered + failed() + FAILED)
    watched.upstream(done("SELECT 1") + READY)
    assert watched.told == [ran("first", "SELECT 0"), _BAD_TOLD, _NEXT]
    assert not watched.tap.busy


def test_what_comes_after_the_error_was_told_is_skipped_too(cut: int) -> None:
    watched = Watched(cut)
    watched.client(parse("bad"))
    watched.upstream(failed())
    watched.client(bind() + execute() + _AFTER + query("DELETE FROM t") + SYNC)
    watched.client(extended("next") + SYNC)
    watched.upstream(READY + done("SELECT 1") + READY)
    assert watched.told == [_BAD_TOLD, _NEXT]
    assert not watched.tap.busy


def test_upstream_that_is_ready_skips_nothing_more(cut: int) -> None:
    """PostgreSQL is not before Sync, but servers like it are: electric-sql/pglite#958."""
    watched = Watched(cut)
    watched.client(parse("bad"))
    watched.upstream(failed() + READY)
    watched.client(extended("next") + SYNC)
    watched.upstream(done("SELECT 1") + READY)
    assert watched.told == [_BAD_TOLD, _NEXT]


def test_a_query_and_a_function_call_are_skipped_like_all(cut: int) -> None:
    """Not said in the documentation: PostgreSQL skips them, as seen and in its postgres.c."""
    watched = Watched(cut)
    watched.client(_BAD + query("skipped") + message(b"F", bytes(10)) + SYNC + query("next"))
    watched.upstream(failed() + READY + complete("SELECT 1") + READY)
    assert watched.told == [_BAD_TOLD, ran("next", "SELECT 1", rows=1, protocol="simple")]


def test_a_query_that_fails_skips_nothing(cut: int) -> None:
    watched = Watched(cut)
    watched.client(query("bad") + extended("next") + SYNC)
    watched.upstream(failed() + READY + done("SELECT 1") + READY)
    bad = ran("bad", sqlstate="42601", protocol="simple")
    assert watched.told == [bad, _NEXT]


def test_an_error_at_sync_is_of_the_statement_before_it(cut: int) -> None:
    """The transaction's end may fail: a deferred constraint. Nothing is skipped then."""
    watched = Watched(cut)
    watched.client(extended("SELECT 0") + extended("INSERT") + SYNC + extended("next") + SYNC)
    watched.upstream(done("SELECT 0") + done("INSERT 0 1") + failed("23505"))
    assert [event.statement for event in watched.events] == ["SELECT 0"]
    watched.upstream(READY + done("SELECT 1") + READY)
    told = ran("INSERT", "INSERT 0 1", rows=1, sqlstate="23505")
    assert watched.told[1:] == [told, _NEXT]
    assert not watched.tap.busy


def test_an_error_at_sync_is_told_apart_where_the_statement_was_told_already(cut: int) -> None:
    watched = Watched(cut)
    watched.client(extended("INSERT") + FLUSH)
    watched.upstream(done("INSERT 0 1"))
    watched.now = 1.0
    watched.client(SYNC)
    watched.now = 1.5
    watched.upstream(failed("23505") + READY)
    assert watched.told == [
        ran("INSERT", "INSERT 0 1", rows=1),
        ran("", protocol="sync", sqlstate="23505"),
    ]
    assert watched.events[1].duration_ms == 500.0


def test_an_error_at_describe_is_of_no_statement(cut: int) -> None:
    watched = Watched(cut)
    watched.client(describe(b"S", b"none") + SYNC + extended("next") + SYNC)
    watched.upstream(failed("26000") + READY + done("SELECT 1") + READY)
    assert watched.told == [_NEXT]


# -- names ----------------------------------------------------------------------------------------


def test_a_bind_names_the_portal_first(cut: int) -> None:
    """Taken the other way round, this would run the other statement."""
    watched = Watched(cut)
    watched.client(parse("SELECT a", b"x") + parse("SELECT b", b"y") + bind(b"x", b"y"))
    watched.client(execute(b"x") + bind(b"y", b"x") + execute(b"y") + SYNC)
    watched.upstream(PARSED + PARSED + BOUND + complete("B") + BOUND + complete("A") + READY)
    assert watched.told == [ran("SELECT b", "B"), ran("SELECT a", "A")]


def test_statements_stay_and_portals_end_with_their_transaction(cut: int) -> None:
    watched = Watched(cut)
    watched.client(parse("SELECT a", b"s") + bind(b"p", b"s") + execute(b"p") + SYNC)
    watched.upstream(PARSED + BOUND + complete("A") + IN_TRANSACTION)
    watched.client(execute(b"p") + bind(b"", b"s") + execute() + SYNC)
    watched.upstream(complete("A") + BOUND + complete("A") + READY)
    watched.client(execute(b"p") + SYNC)
    watched.upstream(failed("34000") + READY)
    assert [event.statement for event in watched.events] == ["SELECT a"] * 3 + [""]
    assert watched.events[-1].sqlstate == "34000"


def test_a_closed_name_is_forgotten(cut: int) -> None:
    watched = Watched(cut)
    watched.client(parse("SELECT a", b"n") + bind(b"n", b"n") + close(b"S", b"n") + execute(b"n"))
    watched.client(close(b"P", b"n") + bind(b"n", b"n") + SYNC + execute(b"n") + SYNC)
    watched.upstream(PARSED + BOUND + CLOSED + complete("A") + CLOSED + failed("26000") + READY)
    watched.upstream(failed("34000") + READY)
    assert [event.statement for event in watched.events] == ["SELECT a", "", ""]


def test_a_statement_that_failed_to_parse_replaces_nothing(cut: int) -> None:
    watched = Watched(cut)
    watched.client(parse("SELECT a", b"s") + SYNC + parse("bad", b"s") + SYNC)
    watched.client(bind(b"", b"s") + execute() + SYNC)
    watched.upstream(PARSED + READY + failed("42P05") + READY + BOUND + complete("A") + READY)
    assert watched.told == [ran("bad", sqlstate="42P05"), ran("SELECT a", "A")]


def test_the_unnamed_statement_is_replaced(cut: int) -> None:
    watched = Watched(cut)
    watched.client(parse("SELECT a") + bind(b"old") + parse("SELECT b") + bind(b"new"))
    watched.client(execute(b"old") + execute(b"new") + SYNC)
    watched.upstream((PARSED + BOUND) * 2 + complete("A") + complete("B") + READY)
    assert watched.told == [ran("SELECT a", "A"), ran("SELECT b", "B")]


@pytest.mark.parametrize(
    ("evil", "good"), [(b"\xff", rb"\xff"), (b"\xc3\xa9", b"\xe9"), (b"a ", b"a"), (b"A", b"a")]
)
def test_names_that_only_look_alike_are_two(cut: int, evil: bytes, good: bytes) -> None:
    watched = Watched(cut)
    watched.client(parse("DROP TABLE t", evil) + parse("SELECT 1", good) + bind(b"", evil))
    watched.client(execute() + SYNC)
    watched.upstream(PARSED + PARSED + BOUND + complete("DROP TABLE") + READY)
    assert watched.told == [ran("DROP TABLE t", "DROP TABLE")]


def test_names_are_as_long_as_upstream_looks_at_them(cut: int) -> None:
    """Behind 63 bytes PostgreSQL looks no more: these all are one."""
    watched = Watched(cut)
    name = b"n" * 63
    watched.client(parse("DROP TABLE t", name + b"1") + bind(name + b"2", name + b"3"))
    watched.client(execute(name + b"4") + close(b"P", name + b"5") + execute(name) + SYNC)
    watched.upstream(PARSED + BOUND + complete("DROP TABLE") + CLOSED + failed("34000") + READY)
    assert [event.statement for event in watched.events] == ["DROP TABLE t", ""]


def test_an_unknown_name_is_told_without_a_text(cut: int) -> None:
    """SQL makes names too: PREPARE and DECLARE."""
    watched = Watched(cut)
    watched.client(query("DECLARE c CURSOR FOR SELECT 1") + execute(b"c", 1) + SYNC)
    watched.upstream(complete("DECLARE CURSOR") + IN_TRANSACTION + SUSPENDED + READY)
    assert watched.told[1] == ran("", rows=1)


def test_of_more_names_than_are_kept_the_oldest_is_forgotten() -> None:
    watched = Watched()
    for n in range(10_001):
        watched.client(parse(f"SELECT {n}", b"%d" % n))
        watched.upstream(PARSED)
    watched.client(bind(b"", b"0") + execute() + bind(b"", b"1") + execute() + SYNC)
    watched.upstream((BOUND + complete("X")) * 2 + READY)
    assert [event.statement for event in watched.events] == ["", "SELECT 1"]

"""How a session ends: the last words to the client, and what is told of what never ended."""

import pytest

from protocols.errors import Reason, Refusal, ServerProtocolError
from tests.protocols.postgres.queries import (
    BOUND,
    COLUMNS,
    COPY_IN,
    FAILED,
    PARSED,
    READY,
    SYNC,
    TERMINATE,
    Watched,
    bind,
    complete,
    copy_data,
    execute,
    extended,
    failed,
    message,
    parse,
    query,
    ran,
    row,
)
from tests.protocols.postgres.server import error

_SHUTDOWN = Refusal(Reason.SHUTTING_DOWN, "Keyless is shutting down")
_LAST_WORDS = error("57P01", "Keyless is shutting down")


def test_last_words_are_an_error_packet(cut: int) -> None:
    watched = Watched(cut)
    assert watched.tap.last_words(_SHUTDOWN) == _LAST_WORDS
    watched.client(query("SELECT 1")[:4])
    assert watched.tap.last_words(_SHUTDOWN) == _LAST_WORDS


def test_last_words_come_between_messages_only() -> None:
    watched = Watched()
    watched.client(query("SELECT 1"))
    answer = COLUMNS + row(b"12345") + message(b"d", b"12345") + complete("SELECT 1") + READY
    ends = {len(COLUMNS), len(COLUMNS + row(b"12345"))}
    ends |= {len(answer) - len(READY), len(answer), len(answer) - len(complete("SELECT 1") + READY)}
    for position in range(len(answer)):
        watched.upstream(answer[position : position + 1])
        expected = _LAST_WORDS if position + 1 in ends else b""
        assert watched.tap.last_words(_SHUTDOWN) == expected


def test_behind_a_length_that_is_none_there_are_no_last_words(cut: int) -> None:
    watched = Watched(cut)
    with pytest.raises(ServerProtocolError) as caught:
        watched.upstream(READY + b"D" + bytes(4))
    assert watched.tap.last_words(caught.value) == b""


@pytest.mark.parametrize("before", [b"", READY[:3]])
def test_a_fault_before_the_middle_of_a_message_leaves_no_place_for_last_words(
    before: bytes,
) -> None:
    watched = Watched()
    watched.upstream(before)
    with pytest.raises(ServerProtocolError) as caught:
        watched.upstream(READY[len(before) :] + message(b"E", b"no end") + row(b"12345")[:8])
    assert watched.tap.last_words(caught.value) == b""


def test_after_a_goodbye_there_are_no_last_words(cut: int) -> None:
    for severity, last in (("FATAL", b""), ("PANIC", b""), ("ERROR", _LAST_WORDS)):
        watched = Watched(cut)
        watched.client(query("SELECT pg_terminate_backend(pg_backend_pid())"))
        watched.upstream(failed("57P01", severity))
        assert watched.tap.last_words(_SHUTDOWN) == last
    watched = Watched(cut)
    watched.client(TERMINATE)
    assert watched.tap.last_words(_SHUTDOWN) == b""


def test_busy_is_whether_upstream_owes_an_answer(cut: int) -> None:
    watched = Watched(cut)
    assert not watched.tap.busy
    watched.client(query("SELECT 1"))
    for answer in (b"", COLUMNS, row(b"1"), complete("SELECT 1")):
        watched.upstream(answer)
        assert watched.tap.busy
    watched.upstream(READY)
    assert not watched.tap.busy
    watched.client(SYNC)
    assert watched.tap.busy
    watched.upstream(FAILED)
    assert not watched.tap.busy


# -- what never ended ------------------------------------------------------------------------------


def test_after_a_farewell_nothing_is_told(cut: int) -> None:
    watched = Watched(cut)
    watched.client(query("SELECT 1"))
    watched.upstream(complete("SELECT 1") + READY)
    watched.client(TERMINATE)
    watched.tap.close()
    watched.tap.close()
    assert len(watched.events) == 1


def test_a_query_that_runs_is_unfinished(cut: int) -> None:
    watched = Watched(cut)
    watched.client(query("SELECT 1; SELECT pg_sleep(9)"))
    watched.upstream(COLUMNS + row(b"1") + complete("SELECT 1"))
    watched.now = 3.0
    watched.tap.close()
    sql = "SELECT 1; SELECT pg_sleep(9)"
    assert watched.told == [ran(sql, "SELECT 1", rows=1, protocol="simple", finished=False)]
    assert watched.events[0].duration_ms == 3000.0
    assert not watched.tap.busy


def test_a_statement_that_was_not_answered_has_its_text(cut: int) -> None:
    for answered in (b"", PARSED, PARSED + BOUND):
        watched = Watched(cut)
        watched.client(parse("DELETE FROM t", b"s") + bind(b"p", b"s") + execute(b"p") + SYNC)
        watched.upstream(answered)
        watched.tap.close()
        assert watched.told == [ran("DELETE FROM t", finished=False)]


def test_all_that_was_asked_is_told_in_its_order(cut: int) -> None:
    watched = Watched(cut)
    watched.client(parse("SELECT a", b"s") + bind(b"", b"s") + execute() + parse("SELECT b"))
    watched.client(bind() + execute() + SYNC + query("SELECT c") + message(b"F", bytes(10)))
    watched.client(bind(b"", b"s") + execute() + execute(b"unknown"))
    watched.tap.close()
    assert [event.statement for event in watched.events] == [
        *("SELECT a", "SELECT b", "SELECT c"),
        *("function 0", "SELECT a", ""),
    ]
    assert not any(event.finished for event in watched.events)


def test_what_upstream_skips_is_not_told(cut: int) -> None:
    watched = Watched(cut)
    watched.client(extended("bad") + extended("skipped"))
    watched.upstream(failed())
    watched.client(extended("skipped too"))
    watched.tap.close()
    assert watched.told == [ran("bad", sqlstate="42601")]


def test_a_fatal_error_ends_a_query_without_finishing_it(cut: int) -> None:
    watched = Watched(cut)
    watched.client(query("SELECT pg_sleep(9)"))
    watched.upstream(failed("57P01", "FATAL"))
    watched.tap.close()
    sql = "SELECT pg_sleep(9)"
    assert watched.told == [ran(sql, protocol="simple", sqlstate="57P01", finished=False)]


def test_a_copy_that_runs_has_its_bytes(cut: int) -> None:
    watched = Watched(cut)
    watched.client(extended("COPY t FROM STDIN") + SYNC)
    watched.upstream(PARSED + BOUND + COPY_IN)
    watched.client(copy_data(b"1\n"))
    watched.tap.close()
    assert watched.told == [ran("COPY t FROM STDIN", copied_bytes=2, finished=False)]


def test_a_message_that_never_came_whole_was_never_asked(cut: int) -> None:
    watched = Watched(cut)
    watched.client(query("DROP TABLE t")[:-1])
    watched.tap.close()
    assert watched.events == []

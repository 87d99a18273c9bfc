"""The transaction's state is told with the statement that upstream's answer to it ends."""

import pytest

from tests.protocols.postgres.queries import (
    BOUND,
    FAILED,
    FLUSH,
    IN_TRANSACTION,
    PARSED,
    READY,
    SUSPENDED,
    SYNC,
    Watched,
    bind,
    complete,
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

_STATES = [(READY, "idle"), (IN_TRANSACTION, "in"), (FAILED, "failed"), (message(b"Z", b"?"), None)]


def _states(watched: Watched) -> list[tuple[str, str | None]]:
    return [(event.statement, event.transaction) for event in watched.events]


@pytest.mark.parametrize(("ready", "state"), _STATES)
def test_a_query_is_told_with_it(cut: int, ready: bytes, state: str | None) -> None:
    watched = Watched(cut)
    watched.client(query("x") + message(b"F", bytes(10)))
    watched.upstream(complete("BEGIN") + ready + message(b"V", bytes(4)) + ready)
    assert _states(watched) == [("x", state), ("function 0", state)]


@pytest.mark.parametrize(("ready", "state"), _STATES)
@pytest.mark.parametrize("ahead", [True, False], ids=["ahead", "in turn"])
def test_of_a_batch_the_last_statement_is(
    cut: int, ready: bytes, state: str | None, ahead: bool
) -> None:
    watched = Watched(cut)
    watched.client(extended("a") + extended("b") + SYNC)
    if ahead:
        watched.client(extended("c") + SYNC)
    watched.upstream(done("A") + done("B") + ready)
    assert _states(watched) == [("a", None), ("b", state)]
    if not ahead:
        watched.client(extended("c") + SYNC)
    watched.upstream(done("C") + ready)
    assert _states(watched)[2:] == [("c", state)]


@pytest.mark.parametrize("answered", [b"", PARSED, PARSED + BOUND])
def test_a_statement_that_failed_is_told_with_it(cut: int, answered: bytes) -> None:
    watched = Watched(cut)
    watched.client(extended("bad") + extended("skipped") + SYNC)
    watched.upstream(answered + failed())
    assert watched.events == []
    watched.upstream(FAILED)
    assert _states(watched) == [("bad", "failed")]


def test_of_a_statement_that_failed_before_its_sync_was_sent_nobody_knows(cut: int) -> None:
    watched = Watched(cut)
    watched.client(extended("bad") + FLUSH)
    watched.upstream(failed())
    assert _states(watched) == [("bad", None)]
    watched.client(SYNC)
    watched.upstream(FAILED)
    assert len(watched.events) == 1


def test_a_run_that_ends_with_the_transaction_is_told_with_it(cut: int) -> None:
    watched = Watched(cut)
    watched.client(parse("a") + bind(b"p") + execute(b"p", 1) + SYNC)
    watched.upstream(PARSED + BOUND + row(b"1") + SUSPENDED + READY)
    assert _states(watched) == [("a", "idle")]


def test_what_was_run_but_not_committed_is_unfinished(cut: int) -> None:
    """The session ended before upstream answered the Sync."""
    watched = Watched(cut)
    watched.client(extended("INSERT") + SYNC)
    watched.upstream(done("INSERT 0 1"))
    watched.tap.close()
    assert watched.told == [ran("INSERT", "INSERT 0 1", rows=1, finished=False)]


def test_an_end_in_the_middle_of_the_commit_is_told(cut: int) -> None:
    watched = Watched(cut)
    watched.client(extended("INSERT") + SYNC)
    watched.upstream(done("INSERT 0 1") + failed("57P01", "FATAL"))
    watched.tap.close()
    assert watched.told == [
        ran("INSERT", "INSERT 0 1", rows=1, sqlstate="57P01", finished=False),
    ]

"""Portals that are run in pieces: one run is one event, however it ends."""

from tests.protocols.postgres.queries import (
    BOUND,
    CLOSED,
    IN_TRANSACTION,
    PARSED,
    READY,
    SUSPENDED,
    SYNC,
    Watched,
    bind,
    close,
    complete,
    execute,
    failed,
    parse,
    query,
    ran,
    row,
)

_OPEN = parse("SELECT a") + bind(b"p")
_OPENED = PARSED + BOUND
_PIECE = row(b"1") + row(b"2") + SUSPENDED


def test_a_run_in_pieces_is_one_event(cut: int) -> None:
    watched = Watched(cut)
    watched.now = 1.0
    watched.client(_OPEN + execute(b"p", 2) + execute(b"p", 2) + SYNC)
    watched.upstream(_OPENED + _PIECE + _PIECE + IN_TRANSACTION)
    assert watched.events == []
    watched.now = 2.0
    watched.client(execute(b"p", 3) + SYNC)
    watched.upstream(row(b"5") + complete("SELECT 1") + READY)
    assert watched.told == [ran("SELECT a", "SELECT 1", rows=5)]
    assert watched.events[0].duration_ms == 1000.0


def test_runs_of_two_portals_are_two_events(cut: int) -> None:
    watched = Watched(cut)
    watched.client(_OPEN + parse("SELECT b") + bind(b"q"))
    watched.client(execute(b"p", 2) + execute(b"q", 2) + execute(b"p") + execute(b"q") + SYNC)
    watched.upstream(_OPENED * 2 + _PIECE * 2 + complete("SELECT 1") + complete("SELECT 5") + READY)
    assert watched.told == [
        ran("SELECT a", "SELECT 1", rows=3),
        ran("SELECT b", "SELECT 5", rows=7),
    ]


def test_a_portal_closed_in_between_has_run(cut: int) -> None:
    watched = Watched(cut)
    watched.client(_OPEN + execute(b"p", 2) + close(b"P", b"p") + SYNC)
    watched.upstream(_OPENED + _PIECE)
    assert watched.events == []
    watched.upstream(CLOSED)
    assert watched.told == [ran("SELECT a", rows=2)]


def test_a_portal_ends_with_its_transaction(cut: int) -> None:
    watched = Watched(cut)
    watched.client(_OPEN + execute(b"p", 2) + SYNC)
    watched.upstream(_OPENED + _PIECE + READY)
    assert watched.told == [ran("SELECT a", rows=2)]
    watched.tap.close()
    assert len(watched.events) == 1


def test_a_portal_bound_anew_has_run(cut: int) -> None:
    watched = Watched(cut)
    watched.client(_OPEN + execute(b"p", 2) + bind(b"p") + execute(b"p") + SYNC)
    watched.upstream(_OPENED + _PIECE + BOUND + complete("SELECT 9") + READY)
    assert watched.told == [ran("SELECT a", rows=2), ran("SELECT a", "SELECT 9", rows=9)]


def test_a_run_that_fails_later_keeps_its_rows(cut: int) -> None:
    watched = Watched(cut)
    watched.client(_OPEN + execute(b"p", 2) + execute(b"p", 2) + SYNC)
    watched.now = 0.5
    watched.upstream(_OPENED + _PIECE + failed("22012") + READY)
    assert watched.told == [ran("SELECT a", rows=2, sqlstate="22012")]
    assert watched.events[0].duration_ms == 500.0


def test_an_error_elsewhere_ends_the_run_with_its_transaction(cut: int) -> None:
    watched = Watched(cut)
    watched.client(_OPEN + execute(b"p", 2) + parse("bad") + SYNC)
    watched.upstream(_OPENED + _PIECE + failed() + READY)
    assert watched.told == [ran("bad", sqlstate="42601"), ran("SELECT a", rows=2)]


def test_a_cursor_made_by_sql_ends_with_its_transaction(cut: int) -> None:
    watched = Watched(cut)
    watched.client(execute(b"c", 2) + SYNC + query("COMMIT"))
    watched.upstream(_PIECE + IN_TRANSACTION + complete("COMMIT") + READY)
    assert watched.told == [ran("COMMIT", "COMMIT", protocol="simple"), ran("", rows=2)]


def test_a_run_that_was_not_gone_on_with_is_unfinished(cut: int) -> None:
    watched = Watched(cut)
    watched.client(_OPEN + execute(b"p", 2) + SYNC)
    watched.upstream(_OPENED + _PIECE + IN_TRANSACTION)
    watched.tap.close()
    assert watched.told == [ran("SELECT a", rows=2, finished=False)]


def test_a_run_that_was_being_gone_on_with_is_one_event(cut: int) -> None:
    watched = Watched(cut)
    watched.client(_OPEN + execute(b"p", 2) + execute(b"p", 2) + SYNC)
    watched.upstream(_OPENED + _PIECE + row(b"3"))
    watched.tap.close()
    assert watched.told == [ran("SELECT a", rows=2, finished=False)]

"""What is told as a whole is told as it would be the long way, and only what is whole."""

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocols.errors import Reason, Refusal
from protocols.postgres.answers import Answers
from protocols.postgres.express import Express
from protocols.postgres.frames import Copied
from protocols.postgres.reports import PostgresQuery, Reports
from protocols.postgres.waiting import Waiting
from tests.protocols.postgres.queries import (
    ASYNCHRONOUS,
    BOUND,
    CLOSED,
    COLUMNS,
    COPY_OUT,
    EMPTY,
    FAILED,
    IN_TRANSACTION,
    NO_DATA,
    PARSED,
    READY,
    SUSPENDED,
    SYNC,
    TERMINATE,
    Watched,
    bind,
    complete,
    copy_data,
    describe,
    execute,
    failed,
    message,
    parse,
    query,
    ran,
    row,
)

_PREPARED = bind(statement=b"s")
_SHORT = query("SELECT 1")
_RUN = _PREPARED + execute() + SYNC
_RUN_DESCRIBED = _PREPARED + describe(b"P") + execute() + SYNC
_UNNAMED = parse("SELECT $1", types=1) + bind() + describe(b"P") + execute() + SYNC
_ROWS = row(b"a") + row(b"b")
_DONE = complete("SELECT 2")
_WHOLE = {
    _SHORT: [_DONE + READY, COLUMNS + _ROWS + _DONE + READY, COLUMNS + _DONE + FAILED],
    _RUN: [BOUND + _ROWS + _DONE + READY, BOUND + _DONE + IN_TRANSACTION],
    _UNNAMED: [PARSED + BOUND + COLUMNS + _ROWS + _DONE + READY],
    _RUN_DESCRIBED: [BOUND + COLUMNS + _ROWS + _DONE + READY, BOUND + NO_DATA + _DONE + READY],
}
_REQUESTS = [
    *_WHOLE,
    query("SET PASSWORD = 'x'; SELECT ''"),
    query("a\0b"),
    message(b"Q", b"no end"),
    parse("SELECT $1", b"s"),
    bind() + execute() + SYNC,
    parse("SELECT 2") + bind() + execute() + SYNC,
    parse("SELECT 3") + _RUN,
    parse("SELECT 4", b"s") + bind() + execute() + SYNC,
    parse("SELECT 5") + SYNC,
    bind(b"p", b"s") + describe(b"P", b"p") + execute(b"p", 1) + SYNC,
    execute(b"p", 1) + SYNC,
    _PREPARED,
    execute(),
    SYNC,
    _RUN + _SHORT,
    copy_data(b"abc"),
    TERMINATE,
]
_ANSWERS = [
    *(BOUND, PARSED, CLOSED, COLUMNS, NO_DATA, row(b"a"), complete("UPDATE 3"), complete("BEGIN")),
    PARSED + BOUND + _DONE + READY,
    *(READY, IN_TRANSACTION, FAILED, EMPTY, SUSPENDED, failed(), ASYNCHRONOUS, COPY_OUT),
    *(copy_data(b"abc"), complete("x" * 70), message(b"Z", b"?"), message(b"2", b"more")),
    *(answer for answers in _WHOLE.values() for answer in answers),
]


def _express() -> tuple[Express, list[object]]:
    events: list[object] = []
    copied = Copied()
    reports = Reports(events.append, lambda: 1.0, copied)
    runs = Answers(Waiting(copied, parameters=False), reports, parameters=False).runs
    return Express(runs, reports), events


@pytest.mark.parametrize(
    ("request_", "answer"), [(asks, answer) for asks, said in _WHOLE.items() for answer in said]
)
def test_a_whole_exchange_is_told_at_once(request_: bytes, answer: bytes) -> None:
    express, events = _express()
    assert express.take(request_, 0.5)
    assert express.answered(answer)
    assert not express.waits
    (event,) = events
    assert isinstance(event, PostgresQuery)
    assert (event.rows, event.commands, event.duration_ms) == (2, ("SELECT 2",), 500.0)


@pytest.mark.parametrize("request_", _WHOLE)
def test_nothing_less_or_more_is_taken_or_told(request_: bytes) -> None:
    express, events = _express()
    for size in range(len(request_)):
        assert not express.take(request_[:size], 0.0)
    assert not express.take(request_ + SYNC, 0.0)
    for whole in _WHOLE[request_]:
        for other in (*(whole[:size] for size in range(len(whole))), whole + READY, b"\0" + whole):
            assert express.take(request_, 0.0)
            assert not express.answered(other)
    assert express.give_back() == request_
    assert events == []


_Step = tuple[bool, list[bytes]]
_steps = st.lists(
    st.tuples(st.just(True), st.lists(st.sampled_from(_REQUESTS), min_size=1, max_size=2))
    | st.tuples(st.just(False), st.lists(st.sampled_from(_ANSWERS), min_size=1, max_size=5)),
    max_size=12,
)


@settings(max_examples=500)
@given(_steps)
def test_both_ways_tell_the_same(steps: list[_Step]) -> None:
    """Byte by byte nothing is whole, so all goes the long way."""
    at_once, slowly = Watched(), Watched(1)
    told = [_tell(watched, steps) for watched in (at_once, slowly)]
    assert told[0] == told[1]


def _tell(watched: Watched, steps: list[_Step]) -> list[object]:
    watched.client(parse("SELECT $1", b"s") + SYNC)
    watched.upstream(PARSED + READY)
    states: list[object] = []
    for from_client, pieces in steps:
        watched.now += 0.001
        show: Callable[[bytes], None] = watched.client if from_client else watched.upstream
        show(b"".join(pieces))
        words = watched.tap.last_words(Refusal(Reason.SHUTTING_DOWN, "goodbye"))
        states.append((watched.tap.busy, watched.tap.full, words))
    watched.tap.close()
    return [*states, *watched.events, *watched.prepared]


def test_a_portal_is_there_until_its_transaction_ends() -> None:
    watched = Watched()
    watched.client(parse("FETCH 1", b"s") + SYNC)
    watched.upstream(PARSED + READY)
    watched.client(_RUN)
    watched.upstream(BOUND + _DONE + IN_TRANSACTION)
    watched.client(execute() + SYNC)
    watched.upstream(_DONE + READY)
    assert watched.told == 2 * [ran("FETCH 1", "SELECT 2", rows=2)]

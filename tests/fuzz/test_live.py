"""The audit tells of random sessions what a real server's own log says of them."""

from collections.abc import Iterator
from dataclasses import replace
from random import Random

import pytest

from protocols.postgres.reports import PostgresQuery
from proxy.demo.postgres import EmbeddedPostgres
from tests.fuzz.live import converse, differences, talkative_server
from tests.fuzz.postgres.server_log import witness
from tests.fuzz.postgres.tap import watch
from tests.fuzz.taps import WHOLE

_SESSIONS = 12


@pytest.fixture(scope="module")
def server() -> Iterator[EmbeddedPostgres]:
    with talkative_server() as running:
        yield running


@pytest.mark.parametrize("number", range(_SESSIONS))
def test_they_agree(server: EmbeddedPostgres, number: int) -> None:
    conversation, found = converse(server, Random(number))
    events = watch(conversation, WHOLE).events
    assert found.killed or differences(events, found) == []


def test_what_is_not_told_or_told_wrong_is_found(server: EmbeddedPostgres) -> None:
    conversation, found = next(
        pair
        for number in range(_SESSIONS)
        if not (pair := converse(server, Random(number)))[1].killed
    )
    events = [e for e in watch(conversation, WHOLE).events if isinstance(e, PostgresQuery)]
    assert len(events) > 12
    for number, event in enumerate(events):
        before, after = events[:number], events[number + 1 :]
        for unlike in _unlike(event):
            assert differences([*before, *unlike, *after], found)


def _unlike(event: PostgresQuery) -> Iterator[list[PostgresQuery]]:
    """What is told instead of the event: nothing, or the same twice, or something else."""
    yield [replace(event, finished=False)]
    yield [replace(event, sqlstate="XX000")]
    if event.sqlstate is None:
        yield []
        yield [event, event]
        yield [replace(event, statement="another")]
        yield [replace(event, protocol="sync")]


def test_a_log_is_read_of_one_process_only() -> None:
    lines = [
        '{"pid":1,"error_severity":"LOG","message":"duration: 0.1 ms  statement: SELECT 1\\n"}',
        '{"pid":2,"error_severity":"LOG","message":"duration: 0.1 ms  statement: SELECT 2"}',
        '{"pid":1,"error_severity":"LOG","message":"duration: 0.1 ms  execute s/p: SELECT 3"}',
        '{"pid":1,"error_severity":"LOG","message":"duration: 0.1 ms  bind s/p: SELECT 3"}',
        '{"pid":1,"error_severity":"LOG",'
        '"message":"duration: 0.1 ms  execute fetch from <unnamed>: SELECT 3"}',
        '{"pid":1,"error_severity":"ERROR","state_code":"22012","statement":"SELECT 1/0"}',
    ]
    found = witness("\n".join(lines), 1)
    assert (found.queries, found.runs) == ({"SELECT 1\n": 1}, {"SELECT 3": 1})
    assert (found.more_runs, found.errors) == ({"SELECT 3": 1}, {"22012": 1})
    assert (found.killed, found.over) == (False, False)

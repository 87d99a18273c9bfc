"""What a session's audit keeps in memory has bounds, whatever the client sends; and what it kept of
each statement's text is still told.
"""

import time
import tracemalloc
from collections.abc import Iterator

import pytest

from protocols.api import Event
from protocols.postgres.reports import PostgresPrepare, PostgresQuery
from protocols.postgres.tap import PostgresTap
from tests.protocols.postgres.queries import (
    BOUND,
    CLOSED,
    FLOW,
    PARSED,
    READY,
    SUSPENDED,
    SYNC,
    Watched,
    bind,
    close,
    complete,
    execute,
    parse,
    query,
    ran,
)
from tests.protocols.postgres.server import role

_LONG = 65_000
_MANY = 3_000  # of these would be 195 MB
_LITTLE = 20 << 20  # bytes


class _Listener:
    """A tap that keeps nothing but the last event."""

    def __init__(self) -> None:
        self.last: Event | None = None
        self._tap = PostgresTap(self._emit, time.monotonic, role(), FLOW)

    def _emit(self, event: Event) -> None:
        self.last = event

    def client(self, data: bytes) -> None:
        self._tap.client_sent(memoryview(data))

    def upstream(self, data: bytes) -> None:
        self._tap.upstream_sent(memoryview(data))

    def run(self, name: bytes) -> str:
        """Execute a prepared statement; returns what is told of it."""
        self.client(bind(statement=name) + execute() + SYNC)
        self.upstream(BOUND + complete("SELECT 1") + READY)
        assert isinstance(self.last, PostgresQuery)
        assert self.last.statement_bytes > _LONG
        return self.last.statement


@pytest.fixture
def listener() -> Iterator[_Listener]:
    tracemalloc.start()
    yield _Listener()
    tracemalloc.stop()


def _text(number: int) -> str:
    return f"SELECT {number:05} --" + "x" * _LONG


def test_many_prepared_statements(listener: _Listener) -> None:
    for number in range(_MANY):
        listener.client(parse(_text(number), b"s%d" % number))
        listener.upstream(PARSED)
    assert tracemalloc.get_traced_memory()[1] < _LITTLE
    assert isinstance(listener.last, PostgresPrepare)
    assert listener.last.statement == _text(_MANY - 1), "told whole, if not kept whole"
    listener.client(SYNC)
    listener.upstream(READY)
    assert listener.run(b"s0") == _text(0)
    for number in (_MANY // 2, _MANY - 1):
        assert listener.run(b"s%d" % number) == _text(number)[:1_000]


@pytest.mark.parametrize("how", ["closed", "replaced"])
def test_what_is_prepared_no_more_makes_room(listener: _Listener, how: str) -> None:
    closed = how == "closed"
    for number in range(_MANY):
        name = b"s%d" % number if closed else b"s"
        listener.client(parse(_text(number), name))
        listener.upstream(PARSED)
        if closed and number < _MANY - 1:
            listener.client(close(b"S", name))
            listener.upstream(CLOSED)
    listener.client(SYNC)
    listener.upstream(READY)
    assert listener.run(name) == _text(number)


def test_many_statements_ahead_of_their_answers(listener: _Listener) -> None:
    for number in range(_MANY):
        listener.client(parse(_text(number)) + bind() + execute())
    assert tracemalloc.get_traced_memory()[1] < _LITTLE
    for number in range(_MANY):
        listener.upstream(PARSED + BOUND + complete("SELECT 1"))
        assert isinstance(listener.last, PostgresQuery)
        assert listener.last.statement[:1_000] == _text(number)[:1_000]
    listener.client(SYNC)
    listener.upstream(READY)
    listener.client(query(_text(0)))
    listener.upstream(complete("SELECT 1") + READY)
    assert isinstance(listener.last, PostgresQuery)
    assert listener.last.statement == _text(0), "there is room again"


def test_many_suspended_portals() -> None:
    """Of ten thousand the next Execute is awaited; the others are told as they are."""
    watched = Watched()
    watched.client(parse("SELECT 1", b"s"))
    watched.upstream(PARSED)
    for number in range(10_100):
        watched.client(bind(b"p%d" % number, b"s") + execute(b"p%d" % number, 1))
        watched.upstream(BOUND + SUSPENDED)
    assert len(watched.events) == 100
    watched.tap.close()
    assert len(watched.events) == 10_100
    assert {event.rows for event in watched.events} == {1}


def test_many_commands_of_one_query(cut: int) -> None:
    """A hundred are named, and the rows of all are counted."""
    watched = Watched(cut)
    watched.client(query("SELECT 1;" * 250))
    watched.upstream(complete("SELECT 1") * 100 + complete("SELECT 2") * 150 + READY)
    named = ["SELECT 1"] * 100
    assert watched.told == [ran("SELECT 1;" * 250, *named, rows=400, protocol="simple")]

"""What a session's audit keeps in memory has bounds, whatever the client sends; and what it kept of
each statement's text is still told.
"""

import struct
import time
import tracemalloc
import zlib
from collections.abc import Iterator

import pytest

from protocols.api import Event
from protocols.errors import ClientProtocolError
from protocols.mysql.capabilities import Capability
from protocols.mysql.events import MysqlPrepare, MysqlQuery
from protocols.mysql.login import MysqlOptions
from protocols.mysql.tap import MysqlTap
from tests.protocols.mysql.conversation import (
    EXECUTE_LAST,
    OK,
    PLAIN,
    Watched,
    answer,
    close_statement,
    done,
    execute,
    failed,
    flow,
    long_data,
    numbered,
    prepare,
    prepared,
    query,
)
from tests.protocols.mysql.server import packet, role

_LONG = 65_000
_MANY = 3_000  # of these would be 195 MB
_LITTLE = 20 << 20  # bytes


class _Listener:
    """A tap that keeps nothing but the last event."""

    def __init__(self) -> None:
        self.last: Event | None = None
        login = role(options=MysqlOptions(audit_parameters=True))
        self._tap = MysqlTap(self._emit, time.monotonic, login, flow())

    def _emit(self, event: Event) -> None:
        self.last = event

    def client(self, data: bytes) -> None:
        self._tap.client_sent(memoryview(data))

    def upstream(self, data: bytes) -> None:
        self._tap.upstream_sent(memoryview(data))

    def run(self, number: int, parameters: bytes = b"") -> MysqlQuery:
        """Execute a prepared statement; returns what is told of it."""
        self.client(execute(number, parameters))
        self.upstream(OK)
        return self.told()

    def told(self) -> MysqlQuery:
        assert isinstance(self.last, MysqlQuery)
        return self.last


@pytest.fixture
def listener() -> Iterator[_Listener]:
    tracemalloc.start()
    yield _Listener()
    tracemalloc.stop()


def _text(number: int) -> str:
    return f"SELECT {number:05} --" + "x" * _LONG


def test_many_prepared_statements(listener: _Listener) -> None:
    for number in range(_MANY):
        listener.client(prepare(_text(number)))
        listener.upstream(prepared(number))
        assert isinstance(listener.last, MysqlPrepare)
        assert len(listener.last.statement) > _LONG, "told whole, if not kept whole"
    assert tracemalloc.get_traced_memory()[1] < _LITTLE
    assert listener.run(0).statement == _text(0)
    for number in (_MANY // 2, _MANY - 1):
        assert listener.run(number).statement == _text(number)[:1_000]


def test_very_many_prepared_statements(listener: _Listener) -> None:
    for number in range(10_001):
        listener.client(prepare(f"SELECT {number}"))
        listener.upstream(prepared(number))
    assert listener.run(0).statement == ""
    assert listener.run(1).statement == "SELECT 1"
    assert listener.run(10_000).statement == "SELECT 10000"


def test_what_is_prepared_no_more_makes_room(listener: _Listener) -> None:
    for number in range(_MANY):
        listener.client(prepare(_text(number)))
        listener.upstream(prepared(number))
        if number < _MANY - 1:
            listener.client(close_statement(number))
    assert listener.run(_MANY - 1).statement == _text(_MANY - 1)


def test_behind_a_reset_there_is_room(listener: _Listener) -> None:
    for number in range(_MANY):
        listener.client(prepare(_text(number)))
        listener.upstream(prepared(number))
    listener.client(packet(0, b"\x1f"))
    listener.upstream(OK)
    listener.client(prepare(_text(1)))
    listener.upstream(prepared(1))
    assert listener.run(1).statement == _text(1)


def test_many_statements_ahead_of_their_answers(listener: _Listener) -> None:
    for number in range(_MANY):
        listener.client(query(_text(number)))
    assert tracemalloc.get_traced_memory()[1] < _LITTLE
    for number in range(_MANY):
        listener.upstream(OK)
        assert listener.told().statement[:1_000] == _text(number)[:1_000]
    listener.client(query(_text(0)))
    listener.upstream(OK)
    assert listener.told().statement == _text(0), "there is room again"


def test_many_executions_ahead_of_their_answers(listener: _Listener) -> None:
    listener.client(prepare("INSERT ?"))
    listener.upstream(prepared(1, 1))
    value = b"\0\1\xfd\0" + b"\xfd" + _LONG.to_bytes(3, "little") + b"v" * _LONG
    for _ in range(_MANY):
        listener.client(execute(1, value))
    assert tracemalloc.get_traced_memory()[1] < _LITTLE
    listener.upstream(OK)
    assert listener.told().parameters == ("v" * 1_024,)
    listener.upstream(OK * (_MANY - 1))
    assert listener.told().parameters is None
    assert listener.run(1, value).parameters == ("v" * 1_024,), "there is room again"


def test_types_that_were_not_kept_are_unknown_to_the_next(listener: _Listener) -> None:
    listener.client(prepare("INSERT ?"))
    listener.upstream(prepared(1, 1))
    assert listener.run(1, b"\0\1\3\0" + struct.pack("<i", 5)).parameters == ("5",)
    long = b"\0\1\xfd\0" + b"\xfd" + _LONG.to_bytes(3, "little") + b"v" * _LONG
    for _ in range(100):
        listener.client(execute(1, long))
    listener.upstream(OK * 100)
    assert listener.run(1, b"\0\0" + struct.pack("<i", 6)).parameters is None


def test_long_data_without_end(listener: _Listener) -> None:
    for number in range(12):
        listener.client(prepare("INSERT ?"))
        listener.upstream(prepared(number, 1_000))
        for parameter in range(1_000):
            listener.client(long_data(number, parameter, b"v" * 2_000))
    assert tracemalloc.get_traced_memory()[1] < _LITTLE // 2
    for number in range(12):
        listener.client(close_statement(number))
    listener.client(prepare("INSERT ?"))
    listener.upstream(prepared(1, 1))
    listener.client(long_data(1, 0, b"v" * 2_000))
    assert listener.run(1, b"\0\1\xfd\0").parameters == ("v" * 1_024,), "there is room again"


def test_a_statement_without_end(listener: _Listener) -> None:
    piece = b"x" * ((1 << 24) - 1)
    for number in range(8):
        listener.client(packet(number, b"\x03" + piece[1:] if not number else piece))
    tracemalloc.reset_peak()
    kept = tracemalloc.get_traced_memory()[0] - len(piece)
    assert kept < 1 << 20
    listener.client(packet(8, b""))
    listener.upstream(numbered(9, done()))
    assert listener.told().statement_bytes == 8 * len(piece) - 1


def _has_room(listener: _Listener) -> bool:
    """Whether there is room for another statement's long data."""
    listener.client(prepare("INSERT ?"))
    listener.upstream(prepared(1, 1))
    listener.client(long_data(1, 0, b"v" * 2_000))
    return listener.run(1, b"\0\1\xfd\0").parameters == ("v" * 1_024,)


def test_long_data_of_statements_that_upstream_refuses(listener: _Listener) -> None:
    for _ in range(10):
        listener.client(prepare("bogus"))
        for parameter in range(1_000):
            listener.client(long_data(EXECUTE_LAST, parameter, b"v" * 2_000))
        listener.upstream(answer(failed()))
    assert _has_room(listener)


def test_long_data_of_statements_that_are_closed(listener: _Listener) -> None:
    for _ in range(10):
        listener.client(prepare("INSERT ?"))
        listener.upstream(prepared(1, 1_000))
        listener.client(close_statement(1))
        for parameter in range(1_000):
            listener.client(long_data(EXECUTE_LAST, parameter, b"v" * 2_000))
    assert _has_room(listener)


def test_long_data_behind_a_reset_that_is_not_answered_yet(listener: _Listener) -> None:
    for _ in range(10):
        listener.client(packet(0, b"\x1f") + prepare("INSERT ?"))
        for parameter in range(1_000):
            listener.client(long_data(EXECUTE_LAST, parameter, b"v" * 2_000))
        listener.upstream(OK + prepared(1, 1_000))
        assert listener.run(1).parameters is None, "some of them were not kept"
    tracemalloc.reset_peak()
    listener.client(prepare("INSERT ?"))
    listener.upstream(prepared(2, 20_000))
    for parameter in range(20_000):
        listener.client(long_data(2, parameter, b"v" * 2_000))
    assert tracemalloc.get_traced_memory()[1] < _LITTLE // 2


def test_a_frame_of_millions_of_commands_ends_the_session() -> None:
    """Each would wait for its answer."""
    plain = bytes((1 << 24) - 4)
    frame = zlib.compress(plain)
    header = len(frame).to_bytes(3, "little") + b"\0" + len(plain).to_bytes(3, "little")
    watched = Watched(1 << 20, capabilities=PLAIN | Capability.COMPRESS)
    tracemalloc.start()
    try:
        with pytest.raises(ClientProtocolError, match="too many commands ahead"):
            watched.client(header + frame)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < _LITTLE

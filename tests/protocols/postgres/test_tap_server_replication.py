"""Replication beside real servers: both ends of a stream, and a backup's many results."""

import struct
from collections.abc import Callable, Iterator

import pytest

from proxy.demo.postgres import EmbeddedPostgres
from tests.protocols.postgres.beside_server import raw_message
from tests.protocols.postgres.queries import COPY_DONE, Watched, copy_data, query
from tests.servers.postgres import VERSIONS, PostgresServers
from tests.wire import Wire

_SETTINGS = {"wal_level": "logical", "max_wal_senders": "2", "max_replication_slots": "2"}
_HBA = ("host all,replication trust_user 127.0.0.1/32 trust",)
_START = "START_REPLICATION SLOT s LOGICAL 0/0 (proto_version '1', publication_names 'everything')"
_STATUS = copy_data(b"r" + struct.pack(">qqqqb", 0, 0, 0, 0, 1))  # and wants to hear from upstream


@pytest.fixture(scope="module", params=VERSIONS)
def server(
    request: pytest.FixtureRequest, postgres_servers: PostgresServers
) -> Iterator[EmbeddedPostgres]:
    with postgres_servers.fresh(request.param, settings=_SETTINGS, hba=_HBA) as running:
        running.execute("ALTER ROLE trust_user REPLICATION")
        running.execute("CREATE PUBLICATION everything FOR ALL TABLES", "app")
        yield running


class _Session:
    """A replication connection, and a tap that is shown all of it."""

    def __init__(self, server: EmbeddedPostgres, wire: Wire) -> None:
        self._wire = wire
        self.watched = Watched()
        wire.log_in("trust_user", database="app", replication="database")

    def say(self, data: bytes) -> None:
        self._wire.send(data)
        self.watched.client(data)

    def hear(self, until: Callable[[bytes], bool]) -> None:
        heard = b""
        while not (heard and until(heard)):
            heard = raw_message(self._wire)
            self.watched.upstream(heard)

    def ask(self, command: str) -> None:
        self.say(query(command))
        self.hear(lambda message: message[:1] == b"Z")


@pytest.fixture
def session(server: EmbeddedPostgres) -> Iterator[_Session]:
    with Wire(("127.0.0.1", server.port)) as wire:
        yield _Session(server, wire)


def _told(session: _Session) -> list[tuple[str, tuple[str, ...], str | None]]:
    assert not session.watched.tap.busy
    events = session.watched.events
    return [(event.statement.split()[0], event.commands, event.sqlstate) for event in events]


def test_a_stream_that_the_client_ends(server: EmbeddedPostgres, session: _Session) -> None:
    session.ask("CREATE_REPLICATION_SLOT s TEMPORARY LOGICAL pgoutput")
    session.say(query(_START))
    session.hear(lambda message: message[:1] == b"W")
    assert session.watched.streams == [_START]
    server.execute("INSERT INTO notes VALUES (99, 1, 'streamed')", "app")
    session.hear(lambda message: b"streamed" in message)
    server.execute("DELETE FROM notes WHERE id = 99", "app")
    session.say(_STATUS)
    session.hear(lambda message: message[5:6] == b"k")
    assert session.watched.tap.busy
    session.say(COPY_DONE)
    session.hear(lambda message: message[:1] == b"Z")
    session.ask("SELECT 1; SELECT 2")
    assert _told(session) == [
        ("CREATE_REPLICATION_SLOT", ("CREATE_REPLICATION_SLOT",), None),
        ("START_REPLICATION", ("COPY 0", "START_REPLICATION"), None),
        ("SELECT", ("SELECT 1", "SELECT 1"), None),
    ]
    assert session.watched.events[1].copied_bytes > 100


def test_a_physical_stream(session: _Session) -> None:
    session.ask("IDENTIFY_SYSTEM")
    session.ask("READ_REPLICATION_SLOT none")
    session.say(query("START_REPLICATION PHYSICAL 0/1000000"))
    session.hear(lambda message: message[5:6] == b"w")
    session.say(COPY_DONE)
    session.hear(lambda message: message[:1] == b"Z")
    assert [command for command, _, _ in _told(session)] == [
        "IDENTIFY_SYSTEM",
        "READ_REPLICATION_SLOT",
        "START_REPLICATION",
    ]


def test_what_fails(session: _Session) -> None:
    session.ask("TIMELINE_HISTORY 7")
    session.ask("START_REPLICATION SLOT no_such_slot LOGICAL 0/0")
    session.ask("bogus '")
    assert [sqlstate for _, _, sqlstate in _told(session)] == ["58P01", "42704", "42601"]
    assert session.watched.streams == []


def test_a_backup(session: _Session) -> None:
    session.ask("BASE_BACKUP (LABEL 'b', CHECKPOINT 'fast', WAL false)")
    ((command, results, sqlstate),) = _told(session)
    assert (command, sqlstate) == ("BASE_BACKUP", None)
    assert results[-1] == "BASE_BACKUP"
    assert len(results) > 2
    assert session.watched.events[0].copied_bytes > 10_000_000

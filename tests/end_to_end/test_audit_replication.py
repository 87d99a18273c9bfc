"""What the audit tells of a replication session."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from proxy.demo.postgres import EmbeddedPostgres
from tests.end_to_end.audited import some, statements
from tests.keyless import Keyless, role
from tests.protocols.postgres.queries import COPY_DONE, query
from tests.servers.postgres import VERSIONS, PostgresServers
from tests.wire import Wire

_SETTINGS = {"wal_level": "logical", "max_wal_senders": "2", "max_replication_slots": "2"}
_START = "START_REPLICATION SLOT s LOGICAL 0/0 (proto_version '1', publication_names 'everything')"


@pytest.fixture(scope="module", params=VERSIONS)
def server(
    request: pytest.FixtureRequest, postgres_servers: PostgresServers
) -> Iterator[EmbeddedPostgres]:
    with postgres_servers.fresh(request.param, settings=_SETTINGS) as running:
        running.execute("ALTER ROLE scram_user REPLICATION")
        running.execute("CREATE PUBLICATION everything FOR ALL TABLES", "app")
        yield running


@pytest.fixture(scope="module")
def proxy(artefacts: Path, server: EmbeddedPostgres) -> Iterator[Keyless]:
    settings = role("app", server, settings="replication = true")
    with Keyless(artefacts / f"replication-{server.port}", settings) as running:
        yield running


def test_a_stream(proxy: Keyless, server: EmbeddedPostgres) -> None:
    audit = proxy.audit()
    with Wire(proxy.places["app"]).log_in("app", database="app", replication="database") as client:
        client.query("CREATE_REPLICATION_SLOT s TEMPORARY LOGICAL pgoutput")
        client.send(query(_START))
        client.until(b"W")
        assert audit.one("postgres.stream")["statement"] == _START
        server.execute("INSERT INTO notes VALUES (99, 1, 'streamed')", "app")
        heard = client.until(b"d")
        while b"streamed" not in heard[-1][1]:
            heard += client.until(b"d")
        server.execute("DELETE FROM notes WHERE id = 99", "app")
        client.send(COPY_DONE)
        client.until(b"Z")
        client.query("SELECT 1; SELECT 2")
    events = statements(audit, 3)
    assert some(events[1:], "statement", "commands", "transaction") == [
        (_START, ["COPY 0", "START_REPLICATION"], "idle"),
        ("SELECT 1; SELECT 2", ["SELECT 1", "SELECT 1"], "idle"),
    ]
    assert events[1]["copied_bytes"] >= sum(len(body) for _, body in heard)
    assert events[2]["copied_bytes"] == 0


def test_a_stream_that_is_cut_off(proxy: Keyless) -> None:
    audit = proxy.audit()
    with Wire(proxy.places["app"]).log_in("app", database="app", replication="true") as client:
        client.query("IDENTIFY_SYSTEM")
        client.send(query("START_REPLICATION PHYSICAL 0/1000000"))
        client.until(b"d")
    identified, stream = statements(audit, 2)
    assert (identified["commands"], identified["finished"]) == (["IDENTIFY_SYSTEM"], True)
    assert (stream["finished"], stream["sqlstate"]) == (False, None)
    assert stream["copied_bytes"] > 0


def test_a_backup(proxy: Keyless) -> None:
    audit = proxy.audit()
    with Wire(proxy.places["app"]).log_in("app", database="app", replication="true") as client:
        client.send(query("BASE_BACKUP (CHECKPOINT 'fast', WAL false)"))
        copied = sum(len(body) for kind, body in client.until(b"Z") if kind == b"d")
    (event,) = statements(audit, 1)
    assert event["commands"][-1] == "BASE_BACKUP"
    assert event["copied_bytes"] == copied > 10_000_000

"""Replication, where a role allows it: PostgreSQL's own programs through the proxy."""

import signal
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from proxy.demo.postgres import EmbeddedPostgres
from tests.end_to_end.conftest import StartKeyless
from tests.end_to_end.programs import psql_environment, run
from tests.keyless import Audit, Event, Keyless, role
from tests.servers.postgres import PostgresServers
from tests.waiting import PATIENCE, eventually
from tests.wire import refusal

_SETTINGS = {"wal_level": "logical", "max_wal_senders": "4", "max_replication_slots": "4"}


@pytest.fixture(params=[15, 18])
def server(
    request: pytest.FixtureRequest, postgres_servers: PostgresServers
) -> Iterator[EmbeddedPostgres]:
    with postgres_servers.fresh(request.param, settings=_SETTINGS) as running:
        running.execute("ALTER ROLE scram_user REPLICATION")
        yield running


@pytest.fixture
def keyless(start_keyless: StartKeyless, server: EmbeddedPostgres) -> Keyless:
    return start_keyless(
        role("app", server, settings="replication = true") + role("without", server)
    )


def _program(server: EmbeddedPostgres, name: str) -> str:
    return str(server.binaries / name)


def _at(keyless: Keyless) -> Mapping[str, str]:
    host, port = keyless.places["app"]
    return psql_environment() | {"PGHOST": host, "PGPORT": str(port), "PGUSER": "app"}


def test_a_base_backup_is_one(server: EmbeddedPostgres, keyless: Keyless, tmp_path: Path) -> None:
    audit = keyless.audit()
    done = run(
        _program(server, "pg_basebackup"),
        *("-D", str(tmp_path / "copy"), "-X", "stream", "-c", "fast", "-w"),
        environment=_at(keyless),
    )
    assert done.returncode == 0, done.stderr
    if "/15/" in _program(server, ""):  # that of the wheel crashes on any backup
        verified = run(_program(server, "pg_verifybackup"), str(tmp_path / "copy"))
        assert "successfully verified" in verified.stdout, verified.stderr
    backup = _event(audit, "BASE_BACKUP")
    size = sum(file.stat().st_size for file in (tmp_path / "copy").rglob("*") if file.is_file())
    assert backup["sqlstate"] is None
    assert backup["finished"]
    assert backup["copied_bytes"] > size / 2


def _event(audit: Audit, command: str) -> Event:
    def found() -> list[Event]:
        told = audit.events("postgres.query")
        return [event for event in told if event["statement"].startswith(command)]

    return eventually(found)[0]


@contextmanager
def _receiving(server: EmbeddedPostgres, keyless: Keyless, path: Path) -> Iterator[None]:
    receiver = subprocess.Popen(
        [
            *(_program(server, "pg_recvlogical"), "-d", "app", "-w", "--slot", "watcher"),
            *("--create-slot", "-P", "pgoutput", "--start", "-f", str(path), "-F", "0"),
            *("-o", "proto_version=1", "-o", "publication_names=everything"),
        ],
        env=_at(keyless),
    )
    try:
        yield
    finally:
        receiver.send_signal(signal.SIGINT)
        assert receiver.wait(PATIENCE) == 0


def test_a_logical_slot_tells_of_changes(
    server: EmbeddedPostgres, keyless: Keyless, tmp_path: Path
) -> None:
    audit = keyless.audit()
    changes = tmp_path / "changes"
    server.execute("CREATE PUBLICATION everything FOR ALL TABLES", "app")
    with _receiving(server, keyless, changes):
        active = "SELECT count(*) FROM pg_replication_slots WHERE active"
        eventually(lambda: server.execute(active) == "1\n")
        server.execute("INSERT INTO notes VALUES (99, 1, 'through the proxy')", "app")
        eventually(lambda: changes.exists() and "through the proxy" in changes.read_text("latin-1"))
    assert _event(audit, "START_REPLICATION")["copied_bytes"] > 0
    server.execute("SELECT pg_drop_replication_slot('watcher')", "app")


@pytest.mark.parametrize("value", ["true", "database"])
def test_elsewhere_it_is_refused(keyless: Keyless, value: str) -> None:
    refused = refusal(keyless.places["without"], "app", replication=value)
    assert refused.code == "42501"
    assert refused.sentence == 'role "without" does not allow replication connections'

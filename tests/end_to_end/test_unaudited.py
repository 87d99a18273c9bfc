"""Nothing is done upstream that the audit cannot tell of, and what was done is told at once."""

import resource
import threading
from collections.abc import Iterator
from itertools import pairwise

import pytest

from proxy.demo.postgres import EmbeddedPostgres
from tests.end_to_end.conftest import StartKeyless
from tests.end_to_end.gate import Gate
from tests.end_to_end.programs import run
from tests.keyless import COMMAND, Keyless, environment, role
from tests.servers.postgres import DATABASE
from tests.waiting import eventually
from tests.wire import Refused, Wire, message, query, startup

_INSERT = query("INSERT INTO unaudited VALUES (1)")


@pytest.fixture
def table(latest_postgres: EmbeddedPostgres) -> Iterator[EmbeddedPostgres]:
    latest_postgres.execute("CREATE TABLE unaudited (id int)", DATABASE)
    yield latest_postgres
    latest_postgres.execute("DROP TABLE unaudited", DATABASE)


def _rows(server: EmbeddedPostgres) -> str:
    """How many there are once nobody is at work any more."""
    asked = "SELECT count(*) FROM pg_stat_activity WHERE usename = 'scram_user'"
    eventually(lambda: server.execute(asked) == "0\n")
    return server.execute("SELECT count(*) FROM unaudited", DATABASE)


def _line_sizes(keyless: Keyless) -> tuple[int, int]:
    """Of a session's first two lines: its secret's read and its start."""
    audit, begin = keyless.audit(), keyless.audit_path.stat().st_size
    Wire(keyless.places["app"]).log_in("app").__exit__()
    audit.wait("session.end")
    ends = [begin]
    for line in keyless.audit_path.read_bytes()[begin:].splitlines(keepends=True):
        ends.append(ends[-1] + len(line))
    first, second, *_ = (end - start for start, end in pairwise(ends))
    return first, second


def test_a_session_whose_start_cannot_be_told_sends_nothing_upstream(
    start_keyless: StartKeyless, table: EmbeddedPostgres
) -> None:
    """The disk has room for its secret's read, and none for its start."""
    keyless = start_keyless(role("app", table))
    read, start = _line_sizes(keyless)
    limit = keyless.audit_path.stat().st_size + read + start // 2
    resource.prlimit(keyless.process.pid, resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
    with Wire(keyless.places["app"]) as client:
        client.send(startup(user="app") + _INSERT)
        client.until(b"Z")  # it was in when that turned out
        with pytest.raises(Refused, match="58030 the proxy cannot write its audit log"):
            client.receive()
        assert client.is_closed()
    assert _rows(table) == "0\n"
    resource.prlimit(keyless.process.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY,) * 2)


def test_what_cannot_be_read_takes_nothing_upstream_with_it(
    keyless: Keyless, table: EmbeddedPostgres
) -> None:
    """PostgreSQL looks at 63 bytes of a name; where it ends, the tap would have to find out."""
    endless = message(b"P", b"n" * 70_000 + b"\0SELECT 1\0\0\0")
    audit = keyless.audit()
    with Wire(keyless.places["pg18"]).log_in("pg18") as client:
        client.send(endless + _INSERT)
        with pytest.raises(Refused, match="54000 a statement's or portal's name has no end"):
            client.until(b"Z")
        assert client.is_closed()
    end = audit.one("session.end", role="pg18")
    assert (end["ended_by"], end["bytes_from_upstream"]) == ("proxy", 0)
    assert _rows(table) == "0\n"


def test_a_statement_in_flight_is_told_before_its_cancel_has_an_answer(
    start_keyless: StartKeyless, table: EmbeddedPostgres
) -> None:
    """The proxy itself may be killed while upstream lets the cancel request wait."""
    table.execute("INSERT INTO unaudited VALUES (0)", DATABASE)
    update = "UPDATE unaudited SET id = 1 FROM pg_sleep(60)"
    let_on = threading.Event()
    with Gate(table.port, lambda number: number == 1 or let_on.wait(60)) as gate:
        keyless = start_keyless("[timeouts]\nupstream = 600\n" + role("app", gate.port))
        audit = keyless.audit()
        with Wire(keyless.places["app"]).log_in("app") as client:
            client.send(query(update))
            asked = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'"
            eventually(lambda: table.execute(asked) == "1\n")
        try:
            assert audit.one("session.end")["ended_by"] == "client"
            told = audit.one("postgres.query")
            assert (told["statement"], told["finished"]) == (update, False)
            eventually(lambda: gate.connections == 2)
            assert table.execute(asked) == "1\n"
        finally:
            let_on.set()
        eventually(lambda: table.execute(asked) == "0\n")


def test_a_query_of_very_many_statements(
    start_keyless: StartKeyless, latest_postgres: EmbeddedPostgres
) -> None:
    """All are counted, the first hundred named; and the chain goes on after its long line."""
    keyless = start_keyless(role("app", latest_postgres))
    audit = keyless.audit()
    with Wire(keyless.places["app"]).log_in("app") as client:
        assert len(client.query("SELECT 1;" * 200_000)) == 200_000
        told = audit.one("postgres.query")
        keyless.stop()
    assert told["commands"] == ["SELECT 1"] * 100
    assert (told["rows"], told["statement_bytes"]) == (200_000, 1_800_000)
    assert len(told["statement"]) == 65_536
    (keyless.directory / "keyless.log").rename(keyless.directory / "before.log")
    keyless.__enter__()
    Wire(keyless.places["app"]).log_in("app").__exit__()
    audit.wait("session.end", 2)
    done = run(COMMAND, "audit", "verify", str(keyless.audit_path), environment=environment())
    assert done.returncode == 0, done.stderr

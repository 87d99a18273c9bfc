"""Proxies set up in their several ways before a real server, and sessions that are held through
them."""

from pathlib import Path

from bench.peers import Way, running
from bench.plan import Notes
from bench.postgres import Database, database
from bench.recipes import KEYLESS
from bench.sessions import idle
from tests.waiting import eventually

_WAYS = (
    Way("keyless", KEYLESS),
    Way("keyless both", KEYLESS, by_socket=True, upstream_by_socket=True),
    Way("keyless odd", KEYLESS, settings="no_such_setting = 1"),
)


def _silent(base: Database) -> tuple[int, int]:
    """How many sessions there are by TCP, and by the Unix socket."""
    told = base.server.execute(
        "SELECT count(client_addr), count(*) - count(client_addr) FROM pg_stat_activity"
        " WHERE usename = 'bench' AND state = 'idle' AND query = 'SELECT 1'"
    )
    by_tcp, _, by_socket = told.strip().partition("|")
    return int(by_tcp), int(by_socket)


def test_sessions_are_in_and_silent_while_the_context_lasts(tmp_path: Path) -> None:
    notes = Notes()
    with (
        database(tmp_path, notes, rows=False) as base,
        running(base.upstream, tmp_path, notes, _WAYS) as (direct, keyless, both),
    ):
        assert (direct.name, keyless.name, both.name) == ("direct", "keyless", "keyless both")
        with idle(direct, 2), idle(keyless, 3, tls=True):
            assert _silent(base) == (5, 0)
        eventually(lambda: _silent(base) == (0, 0))
        assert "SELECT 1" in eventually((tmp_path / "keyless/audit.jsonl").read_text)
        work = ("-n", "-t", "3", "-f", _script(tmp_path))
        assert base.programs.connect(work, both).count == 3
    assert notes.left_out == ["keyless odd, whose settings this Keyless does not know"]
    assert notes.programs["keyless"].startswith("keyless, version")


def _script(folder: Path) -> str:
    """That the server is asked by its Unix socket, or it fails."""
    file = folder / "script.sql"
    file.write_text("SELECT 1 / (inet_client_addr() IS NULL)::int;\n")
    return str(file)

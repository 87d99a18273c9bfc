"""What the audit log says of a session: who, what, how long, and that nobody has changed it."""

import getpass
import os
import resource
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from proxy.demo.postgres import EmbeddedPostgres
from tests.end_to_end.conftest import StartKeyless
from tests.end_to_end.programs import PSQL, find, run
from tests.keyless import COMMAND, Keyless, environment, role
from tests.wire import Refused, Wire, query, refusal, startup

_COMMON = {"time", "event", "session", "role", "prev"}
_FIELDS = {
    "secret.read": "provider secret keys stage version source duration_ms error",
    "session.start": "kind client wish facts versions login_ms",
    "postgres.query": (
        "statement statement_bytes statement_sha256 parameters parameters_cut protocol commands"
        " rows copied_bytes duration_ms sqlstate transaction finished"
    ),
    "session.end": "ended_by reason bytes_from_client bytes_from_upstream duration_ms",
    "session.denied": "kind client wish reason sentence detail",
    "session.cancel": "client known",
}
_AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root can be somebody else")


@pytest.fixture(scope="module")
def proxy(artefacts: Path, latest_postgres: EmbeddedPostgres) -> Iterator[Keyless]:
    """Roles on TCP and on a Unix socket, and two that let in only some."""
    sockets = Path("/tmp", f"keyless-{os.getpid()}")
    me, nobody = getpass.getuser(), "nobody"
    roles = [
        role("app", latest_postgres),
        role("six", latest_postgres, listen="[::1]:0"),
        role("unix", latest_postgres, listen=f"unix:{sockets}"),
        role("mine", latest_postgres, settings=f'allow = {{ users = ["{me}"] }}'),
        role("theirs", latest_postgres, settings=f'allow = {{ users = ["{nobody}"] }}'),
        role("groups", latest_postgres, settings='allow = { groups = ["nogroup"] }'),
    ]
    with Keyless(artefacts / "audit", "".join(roles)) as running:
        yield running
    shutil.rmtree(sockets)


def test_each_event_has_its_fields(proxy: Keyless) -> None:
    audit = proxy.audit()
    with Wire(proxy.places["app"]).log_in("app", application_name="me", database="app") as client:
        client.query("SELECT 1")
    audit.wait("session.end")
    with Wire(proxy.places["app"]) as client:
        client.send(bytes.fromhex("00000010 04d2162e 00000001 00000002"))
        assert client.is_closed()
    refusal(proxy.places["app"], "app", database="elsewhere")
    audit.wait("session.denied")
    for event in audit.events():
        assert event.keys() == _COMMON | set(_FIELDS[event["event"]].split())
    assert {event["event"] for event in audit.events()} == _FIELDS.keys()


def test_a_session_from_start_to_end(proxy: Keyless) -> None:
    audit = proxy.audit()
    with Wire(proxy.places["app"]).log_in("me", application_name="it", database="app") as client:
        client.query("SELECT id FROM accounts LIMIT 7")
    end = audit.one("session.end")
    read, start, query, _ = audit.events()
    names = [event["event"] for event in audit.events()]
    assert names == ["secret.read", "session.start", "postgres.query", "session.end"]
    assert {(event["session"], event["role"]) for event in audit.events()} == {
        (end["session"], "app")
    }
    assert (read["provider"], read["keys"], read["error"]) == ("envjson", ["password"], None)
    assert start["wish"] == {"user": "me", "database": "app", "application": "it"}
    assert start["facts"].keys() == {"server_version", "tls", "method", "database"}
    assert (query["commands"], query["rows"], query["sqlstate"]) == (["SELECT 7"], 7, None)
    assert (end["ended_by"], end["reason"]) == ("client", "closed the connection")
    assert end["bytes_from_client"] == len("SELECT id FROM accounts LIMIT 7") + 6
    assert end["duration_ms"] > start["login_ms"] > 0


def test_statements_of_the_simple_protocol(proxy: Keyless) -> None:
    audit = proxy.audit()
    with Wire(proxy.places["app"]).log_in("app") as client:
        client.query("SELECT 1; SELECT 2 FROM generate_series(1, 3)")
        with pytest.raises(Refused, match="42P01"):
            client.query("SELECT * FROM no_such_table")
        client.until(b"Z")
    audit.wait("session.end")
    both, wrong = audit.events("postgres.query")
    assert both["statement"] == "SELECT 1; SELECT 2 FROM generate_series(1, 3)"
    assert (both["protocol"], both["commands"]) == ("simple", ["SELECT 1", "SELECT 3"])
    assert both["rows"] == 4
    assert (wrong["sqlstate"], wrong["rows"], wrong["commands"]) == ("42P01", 0, [])


def test_statements_of_the_extended_protocol(proxy: Keyless) -> None:
    audit = proxy.audit()
    sql = "SELECT id FROM accounts WHERE id <= %s"
    with proxy.connect("app") as connection:
        for limit in (3, 5):
            connection.execute(sql, [limit], prepare=True)
        with pytest.raises(psycopg.errors.DivisionByZero):
            connection.execute("SELECT 1 / %s", [0])
    audit.wait("session.end")
    three, five, wrong = audit.events("postgres.query")
    assert {event["protocol"] for event in (three, five, wrong)} == {"extended"}
    assert (three["statement"], three["rows"]) == (sql.replace("%s", "$1"), 3)
    assert (five["statement"], five["rows"]) == (three["statement"], 5)
    assert (wrong["statement"], wrong["sqlstate"]) == ("SELECT 1 / $1", "22012")


def test_a_password_in_a_statement_is_not_written(proxy: Keyless) -> None:
    audit = proxy.audit()
    with Wire(proxy.places["app"]).log_in("app") as client, pytest.raises(Refused, match="42704"):
        client.query("ALTER ROLE no_such_role PASSWORD 'a secret of the client'")
    event = audit.one("postgres.query")
    assert event["statement"] == "ALTER ROLE no_such_role PASSWORD '***'"


@pytest.mark.parametrize("name", ["app", "six"])
def test_who_comes_by_loopback(proxy: Keyless, name: str) -> None:
    audit = proxy.audit()
    with Wire(proxy.places[name]).log_in(name) as client:
        host, port, *_ = client.socket.getsockname()
    told = audit.one("session.start")["client"]
    me = {"user": getpass.getuser(), "uid": os.geteuid(), "pid": None}
    assert told == me | {"address": f"{host}:{port}"}


def test_who_comes_by_a_unix_socket(proxy: Keyless) -> None:
    audit = proxy.audit()
    Wire(proxy.places["unix"]).log_in("unix").__exit__()
    told = audit.one("session.start")["client"]
    me = {"user": getpass.getuser(), "uid": os.geteuid(), "pid": os.getpid()}
    assert told == me | {"address": "unix"}


def _as_nobody(*command: str) -> "subprocess.CompletedProcess[str]":
    nobody = ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups", "--"]
    return run(*nobody, *command)


def _psql_as_nobody(proxy: Keyless, name: str) -> "subprocess.CompletedProcess[str]":
    host, port = proxy.places[name]
    options = ["-X", "-w", "-h", host, "-p", str(port), "-U", name]
    return _as_nobody(PSQL, *options, "-Atc", "SELECT 1")


@_AS_ROOT
@pytest.mark.parametrize("name", ["app", "six", "unix"])
def test_another_user_is_told_apart(proxy: Keyless, name: str) -> None:
    audit = proxy.audit()
    assert _psql_as_nobody(proxy, name).stdout == "1\n"
    assert audit.one("session.start")["client"]["user"] == "nobody"


@_AS_ROOT
def test_who_may_use_a_role(proxy: Keyless) -> None:
    assert Wire(proxy.places["mine"]).log_in("mine").query("SELECT 1") == [b"1"]
    assert _psql_as_nobody(proxy, "theirs").stdout == "1\n"
    assert _psql_as_nobody(proxy, "groups").stdout == "1\n"


@_AS_ROOT
@pytest.mark.parametrize("name", ["theirs", "groups"])
def test_who_may_not_is_told_of_no_such_role(proxy: Keyless, name: str) -> None:
    audit = proxy.audit()
    refused = refusal(proxy.places[name], name)
    assert (refused.code, refused.sentence) == ("3D000", f'role "{name}" does not exist')
    denied = audit.one("session.denied", role=name)
    assert (denied["reason"], denied["detail"]) == (
        "unknown_role",
        "the role's allow does not name it",
    )
    assert audit.events("secret.read") == []


_PYTHON = find("python3", path=os.defpath)  # our own may be below /root
_RUNS = 200
_HIT_AND_RUN = """
import socket, sys
for attempt in range(int(sys.argv[3])):
    client = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
    client.sendall(bytes.fromhex(sys.argv[2]))
    client.close()
"""


@_AS_ROOT
def test_a_closed_socket_is_not_taken_for_roots(proxy: Keyless) -> None:
    """Of a connection whose program has closed it already, the kernel tells user 0."""
    port = proxy.places["mine"][1]
    audit = proxy.audit()
    attack = startup(user="mine") + query("SELECT 'let in'")
    done = _as_nobody(_PYTHON, "-c", _HIT_AND_RUN, str(port), attack.hex(), str(_RUNS))
    assert done.returncode == 0, done.stderr
    seen = audit.wait("session.denied", _RUNS)
    assert {event["client"]["user"] for event in seen} <= {"nobody", None}
    assert audit.events("session.start") == []


def _verify(path: Path) -> "subprocess.CompletedProcess[str]":
    return run(COMMAND, "audit", "verify", str(path), environment=environment())


def test_verify_passes_what_was_written(proxy: Keyless) -> None:
    done = _verify(proxy.audit_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith("every line follows from the one before it\n")


@pytest.mark.parametrize("how", ["changed", "removed", "reordered", "torn"])
def test_verify_finds_what_was_changed_later(proxy: Keyless, artefacts: Path, how: str) -> None:
    lines = proxy.audit_path.read_bytes().splitlines(keepends=True)
    match how:
        case "changed":
            lines[1] = lines[1].replace(b"root", b"toor").replace(b'"uid":', b'"uid": ')
        case "removed":
            del lines[1]
        case "reordered":
            lines[1], lines[2] = lines[2], lines[1]
        case "torn":
            lines[1] = lines[1][:50] + b"\n"
    copy = artefacts / f"audit-{how}.jsonl"
    copy.write_bytes(b"".join(lines))
    done = _verify(copy)
    assert done.returncode == 1
    where = {"changed": 3, "removed": 2, "reordered": 2, "torn": 2}[how]
    assert done.stderr.startswith(f"keyless: {copy}, line {where}: ")


def test_the_chain_goes_on_after_a_restart(
    start_keyless: StartKeyless, latest_postgres: EmbeddedPostgres
) -> None:
    keyless = start_keyless(role("app", latest_postgres))
    for _ in range(2):
        audit = keyless.audit()
        Wire(keyless.places["app"]).log_in("app").__exit__()
        audit.wait("session.end")
        keyless.stop()
        (keyless.directory / "keyless.log").rename(keyless.directory / "before.log")
        keyless.__enter__()
    assert _verify(keyless.audit_path).returncode == 0


def test_checks_beside_the_running_proxy_do_not_break_the_chain(
    start_keyless: StartKeyless, latest_postgres: EmbeddedPostgres
) -> None:
    keyless = start_keyless(role("app", latest_postgres))
    for _ in range(2):
        audit = keyless.audit()
        Wire(keyless.places["app"]).log_in("app").__exit__()
        audit.wait("session.end")
        check = (COMMAND, "check", "--config", str(keyless.config))
        assert run(*check, environment=environment()).returncode == 0
    done = _verify(keyless.audit_path)
    assert done.returncode == 0, done.stderr


def test_an_audit_that_cannot_be_written_stops_everything(
    start_keyless: StartKeyless, latest_postgres: EmbeddedPostgres
) -> None:
    keyless = start_keyless('[audit]\npath = "/dev/full"\n' + role("app", latest_postgres))
    refused = refusal(keyless.places["app"], "app")
    assert refused.code == "58030"
    assert refused.sentence == (
        "the proxy cannot write its audit log, so it serves nobody; tell its operator"
    )
    assert "the audit log /dev/full cannot be written: No space left on device" in keyless.log


def _ask_for_ever(session: Wire) -> None:
    while True:
        session.query("SELECT 1")


def test_sessions_come_back_when_the_audit_can_be_written_again(
    start_keyless: StartKeyless, latest_postgres: EmbeddedPostgres
) -> None:
    keyless = start_keyless(role("app", latest_postgres))
    place, pid = keyless.places["app"], keyless.process.pid
    with Wire(place).log_in("app") as session:
        for _ in range(10):
            session.query("SELECT 1")
        full = keyless.audit_path.stat().st_size
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (full, resource.RLIM_INFINITY))
        with pytest.raises(Refused, match="58030"):
            _ask_for_ever(session)
    assert refusal(place, "app").code == "58030"
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY,) * 2)
    with Wire(place).log_in("app") as session:
        assert session.query("SELECT 1") == [b"1"]
    keyless.stop()
    assert _verify(keyless.audit_path).returncode == 0

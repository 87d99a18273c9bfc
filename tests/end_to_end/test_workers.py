"""Several workers are one proxy: its sessions are spread, its limits, its numbers and its audit are
one, a cancel request finds its session, and a worker that dies takes no other with it.
"""

import os
import signal
import ssl
import subprocess
import urllib.request
from collections import defaultdict
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from proxy.audit.chain import verify
from proxy.demo.postgres import EmbeddedPostgres
from tests.end_to_end.conftest import StartKeyless
from tests.end_to_end.mysql import ask, connect, mysql_role
from tests.end_to_end.programs import PSQL, psql_environment, run
from tests.end_to_end.ssh import client, free_port, secrets, ssh_role, well
from tests.keyless import COMMAND, Keyless, environment, role
from tests.servers.mysql_flavours import NATIVE
from tests.servers.mysqld import MysqlServer
from tests.servers.openssh import OpenSsh
from tests.waiting import eventually
from tests.wire import Refused, Wire, cancel_request, query, refusal

_WORKERS = 3
_SLEEP = "SELECT pg_sleep(60)"


@pytest.fixture(scope="module")
def proxy(artefacts: Path, latest_postgres: EmbeddedPostgres) -> Iterator[Keyless]:
    """One role, and a file that says no more than how many workers there are."""
    with Keyless(artefacts / "workers", _text(latest_postgres)) as running:
        yield running


@pytest.fixture
def others_are_gone(latest_postgres: EmbeddedPostgres) -> None:
    """No session of a test before is left."""
    asked = "SELECT count(*) FROM pg_stat_activity WHERE usename = 'scram_user'"
    eventually(lambda: latest_postgres.execute(asked) == "0\n")


def _text(server: EmbeddedPostgres, more: str = "", workers: int = _WORKERS) -> str:
    return f"workers = {workers}\n{more}{role('app', server)}"


def _workers(keyless: Keyless) -> list[int]:
    pid = keyless.process.pid
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def _connections(pid: int, port: int) -> int:
    """How many a process has to an upstream."""
    lines = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    there = {f"socket:[{line[9]}]" for line in lines if line[2].endswith(f":{port:04X}")}
    return sum(os.readlink(fd) in there for fd in Path(f"/proc/{pid}/fd").iterdir())


def _sleepers(server: EmbeddedPostgres) -> int:
    asked = f"SELECT count(*) FROM pg_stat_activity WHERE query = '{_SLEEP}' AND state = 'active'"
    return int(server.execute(asked))


@pytest.mark.usefixtures("others_are_gone")
def test_clients_that_come_at_once_are_spread_evenly(
    proxy: Keyless, latest_postgres: EmbeddedPostgres
) -> None:
    place = proxy.places["app"]
    with ThreadPoolExecutor(12) as pool, ExitStack() as stack:
        clients = list(pool.map(lambda _: Wire(place).log_in("app"), range(12)))
        for one in clients:
            stack.enter_context(one)
        port = latest_postgres.port
        assert [_connections(pid, port) for pid in _workers(proxy)] == [4, 4, 4]


@pytest.mark.usefixtures("others_are_gone")
def test_who_leaves_makes_room_on_the_same_worker(
    proxy: Keyless, latest_postgres: EmbeddedPostgres
) -> None:
    place, port = proxy.places["app"], latest_postgres.port
    clients = [Wire(place).log_in("app") for _ in range(6)]
    for gone in (clients.pop(0), clients.pop(2)):  # every third is on the same worker
        gone.__exit__()
    eventually(lambda: sorted(_connections(pid, port) for pid in _workers(proxy)) == [0, 2, 2])
    clients += [Wire(place).log_in("app") for _ in range(2)]
    assert [_connections(pid, port) for pid in _workers(proxy)] == [2, 2, 2]
    for one in clients:
        one.__exit__()


def _cancel(place: tuple[str, int], key: bytes) -> None:
    with Wire(place) as canceller:
        canceller.send(cancel_request(key))
        assert canceller.is_closed()


@pytest.mark.usefixtures("others_are_gone")
def test_a_cancel_request_reaches_its_session_and_no_other(
    proxy: Keyless, latest_postgres: EmbeddedPostgres
) -> None:
    """Whichever workers the two are with; upstream has acted on it when its connection closes."""
    place, audit = proxy.places["app"], proxy.audit()
    with ExitStack() as stack:
        sleeping = [stack.enter_context(Wire(place).log_in("app")) for _ in range(2 * _WORKERS)]
        for one in sleeping:
            one.send(query(_SLEEP))
        eventually(lambda: _sleepers(latest_postgres) == len(sleeping))
        for wrong in (os.urandom(8), *(one.key[:-1] + b"?" for one in sleeping)):
            _cancel(place, wrong)
        audit.wait("session.cancel", len(sleeping) + 1, known=False)
        assert _sleepers(latest_postgres) == len(sleeping)
        for left, one in reversed(list(enumerate(sleeping))):
            _cancel(place, one.key)
            with pytest.raises(Refused, match="57014"):
                one.until(b"C")
            assert _sleepers(latest_postgres) == left
        assert len(audit.wait("session.cancel", len(sleeping), known=True)) == len(sleeping)
    for one in sleeping:
        assert one.key.hex() not in proxy.log


def test_ctrl_c_in_psql(proxy: Keyless, latest_postgres: EmbeddedPostgres) -> None:
    host, port = proxy.places["app"]
    command = [PSQL, "-X", "-w", "-h", host, "-p", str(port), "-U", "app", "-c", _SLEEP]
    for _ in range(_WORKERS):
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=psql_environment(),
        )
        eventually(lambda: _sleepers(latest_postgres) == 1)
        process.send_signal(signal.SIGINT)
        _, told = process.communicate(timeout=15)
        assert b"canceling statement due to user request" in told


def test_all_workers_show_the_same_certificate(proxy: Keyless) -> None:
    shown = set()
    for _ in range(2 * _WORKERS):
        host, port = proxy.places["app"]
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        context.set_alpn_protocols(["postgresql"])
        with Wire((host, port)) as direct, context.wrap_socket(direct.socket) as tls:
            shown.add(tls.getpeercert(binary_form=True))
    assert len(shown) == 1


@pytest.mark.usefixtures("others_are_gone")
def test_the_limit_is_that_of_all_workers(
    start_keyless: StartKeyless, latest_postgres: EmbeddedPostgres
) -> None:
    keyless = start_keyless(_text(latest_postgres, "[limits]\nsessions = 7\n"))
    place = keyless.places["app"]

    def attempt(_: int) -> Wire | Refused:
        client = Wire(place)
        try:
            return client.log_in("app")
        except Refused as refused:
            client.__exit__()
            return refused

    def one_more() -> bool:
        """Whether there was a place left for another; a worker that is killed may have got it."""
        try:
            came = attempt(0)
        except (ConnectionError, EOFError):
            return False
        if isinstance(came, Wire):
            clients.append(came)
        return isinstance(came, Wire)

    with ThreadPoolExecutor(24) as pool:
        came = list(pool.map(attempt, range(24)))
    refused = [one for one in came if isinstance(one, Refused)]
    assert {str(one) for one in refused} == {"53300 all 7 sessions are taken; try again later"}
    clients = [one for one in came if isinstance(one, Wire)]
    assert len(clients) == 7
    clients.pop().__exit__()
    eventually(one_more)
    assert refusal(place, "app").code == "53300"
    os.kill(_workers(keyless)[0], signal.SIGKILL)  # whose places are free then
    eventually(one_more)
    for one in clients:
        one.__exit__()


def _load(keyless: Keyless, server: EmbeddedPostgres) -> None:
    """Statements of many clients at once."""

    def work(number: int) -> None:
        with keyless.connect("app") as connection:
            for turn in range(150):
                connection.execute(f"SELECT {number}, {turn}")

    with ThreadPoolExecutor(9) as pool:
        list(pool.map(work, range(18)))


def test_the_audit_is_one_chain(proxy: Keyless, latest_postgres: EmbeddedPostgres) -> None:
    audit = proxy.audit()
    _load(proxy, latest_postgres)
    audit.wait("session.end", 18)
    audit.wait("postgres.query", 18 * 150)
    done = run(COMMAND, "audit", "verify", str(proxy.audit_path), environment=environment())
    assert done.returncode == 0, done.stderr


def test_the_audit_on_standard_output_is_one_chain_too(
    start_keyless: StartKeyless, latest_postgres: EmbeddedPostgres
) -> None:
    keyless = start_keyless(_text(latest_postgres, '[audit]\npath = "-"\n'))

    def lines() -> list[bytes]:
        log = (keyless.directory / "keyless.log").read_bytes()
        return [line for line in log.splitlines() if line.startswith(b"{")]

    _load(keyless, latest_postgres)
    eventually(lambda: sum(b'"session.end"' in line for line in lines()) == 18)
    assert sum(b'"postgres.query"' in line for line in lines()) == 18 * 150
    assert verify(lines()) is None


def test_a_killed_worker_is_replaced_and_the_others_go_on(
    start_keyless: StartKeyless, latest_postgres: EmbeddedPostgres
) -> None:
    keyless = start_keyless(_text(latest_postgres, workers=2))
    place, port = keyless.places["app"], latest_postgres.port
    before = _workers(keyless)
    first, second = Wire(place).log_in("app"), Wire(place).log_in("app")
    killed = next(pid for pid in before if _connections(pid, port))
    os.kill(killed, signal.SIGKILL)
    lost = [one for one in (first, second) if _is_lost(one)]
    assert len(lost) == 1
    told = f"(process {killed}) was ended by SIGKILL; 1 connections are closed"
    eventually(lambda: told in keyless.log)
    for _ in range(4):  # there is somebody for them at any moment
        with Wire(place).log_in("app") as another:
            assert another.query("SELECT 1") == [b"1"]
    eventually(lambda: "is at work" in keyless.log)
    (replaced,) = set(_workers(keyless)) - set(before)
    clients = [Wire(place).log_in("app") for _ in range(3)]
    assert _connections(replaced, port) == 2
    for one in (first, second, *clients):
        one.__exit__()
    assert keyless.stop() == 0


def _is_lost(client: Wire) -> bool:
    try:
        return client.query("SELECT 1") != [b"1"]
    except (EOFError, OSError):
        return True


def test_numbers_are_those_of_all_workers_and_never_go_back(
    start_keyless: StartKeyless, latest_postgres: EmbeddedPostgres
) -> None:
    port = free_port()
    metrics = f'metrics = {{ listen = "127.0.0.1:{port}" }}\n'
    keyless = start_keyless(_text(latest_postgres, metrics))
    place, audit = keyless.places["app"], keyless.audit()
    clients = [Wire(place).log_in("app") for _ in range(2 * _WORKERS)]
    assert _numbers(port)["keyless_sessions_total"] == 2 * _WORKERS
    assert _numbers(port)["keyless_open_sessions"] == 2 * _WORKERS
    os.kill(_workers(keyless)[0], signal.SIGKILL)
    eventually(lambda: _numbers(port)["keyless_open_sessions"] == 2 * _WORKERS - 2)
    assert _numbers(port)["keyless_sessions_total"] == 2 * _WORKERS
    eventually(lambda: "is at work" in keyless.log)
    for one in clients:
        one.__exit__()
    with Wire(place).log_in("app"):
        assert _numbers(port)["keyless_sessions_total"] == 2 * _WORKERS + 1
    audit.wait("session.end", 2 * _WORKERS - 1)
    eventually(lambda: _numbers(port)["keyless_open_sessions"] == 0)


def _numbers(port: int) -> dict[str, float]:
    """Each the sum of its series."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
        families = text_string_to_metric_families(answer.read().decode())
        numbers: dict[str, float] = defaultdict(float)
        for family in families:
            for sample in family.samples:
                numbers[sample.name] += sample.value
    return numbers


def test_a_worker_dies_with_its_sessions_upstream(
    start_keyless: StartKeyless, latest_postgres: EmbeddedPostgres
) -> None:
    """And with nobody at work, a client waits for the next one."""
    keyless = start_keyless(_text(latest_postgres, workers=2))
    place = keyless.places["app"]
    clients = [Wire(place).log_in("app", application_name="orphan") for _ in range(4)]
    for pid in _workers(keyless):
        os.kill(pid, signal.SIGKILL)
    for one in clients:
        assert one.is_closed()
    with Wire(place).log_in("app") as patient:
        assert patient.query("SELECT 1") == [b"1"]
    asked = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'orphan'"
    eventually(lambda: latest_postgres.execute(asked) == "0\n")


def test_an_orderly_end_while_a_worker_is_missing(
    start_keyless: StartKeyless, latest_postgres: EmbeddedPostgres
) -> None:
    """Its death was told when it died, and is no disorder of the end."""
    keyless = start_keyless(_text(latest_postgres, workers=2))
    os.kill(_workers(keyless)[0], signal.SIGKILL)
    eventually(lambda: "worker 1 begins again in 0.1 s" in keyless.log)
    assert keyless.stop() == 0
    assert keyless.log.count("was ended by SIGKILL") == 1


def test_a_killed_parent_leaves_no_worker(
    start_keyless: StartKeyless, latest_postgres: EmbeddedPostgres
) -> None:
    keyless = start_keyless(_text(latest_postgres))
    audit, workers = keyless.audit(), _workers(keyless)
    with Wire(keyless.places["app"]).log_in("app") as one:
        one.send(query(_SLEEP))
        eventually(lambda: _sleepers(latest_postgres) == 1)
        keyless.stop(signal.SIGKILL)
        with pytest.raises(Refused, match="57P01 the proxy is shutting down"):
            one.until(b"C")
        eventually(lambda: not any(Path(f"/proc/{pid}").exists() for pid in workers), seconds=8)
    assert audit.one("session.end")["ended_by"] == "proxy"
    assert _sleepers(latest_postgres) == 0


@pytest.mark.parametrize("whole_group", [False, True], ids=["parent", "group"])
def test_an_orderly_end(
    start_keyless: StartKeyless, latest_postgres: EmbeddedPostgres, whole_group: bool
) -> None:
    """Idle sessions at once and busy ones in time, whoever is told: Ctrl-C is told to all."""
    keyless = start_keyless(_text(latest_postgres, "[timeouts]\nshutdown = 60\n"))
    place, audit, workers = keyless.places["app"], keyless.audit(), _workers(keyless)
    with ExitStack() as stack:
        idle = [stack.enter_context(Wire(place).log_in("app")) for _ in range(_WORKERS)]
        busy = [stack.enter_context(Wire(place).log_in("app")) for _ in range(_WORKERS)]
        for one in busy:
            one.send(query("SELECT pg_sleep(1.5)"))
        asked = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'"
        eventually(lambda: latest_postgres.execute(asked) == f"{_WORKERS}\n")
        for pid in [keyless.process.pid, *(workers if whole_group else [])]:
            os.kill(pid, signal.SIGINT)
        for one in idle:
            with pytest.raises(Refused, match="57P01 the proxy is shutting down"):
                one.receive()
        for one in busy:
            assert [kind for kind, _ in one.until(b"Z")] == [b"T", b"D", b"C", b"Z"]
            with pytest.raises(Refused, match="57P01 the proxy is shutting down"):
                one.receive()
    assert keyless.process.wait(15) == 0
    assert len(audit.wait("session.end", 2 * _WORKERS, ended_by="proxy")) == 2 * _WORKERS
    assert not any(Path(f"/proc/{pid}").exists() for pid in workers)
    assert "ERROR" not in keyless.log


@pytest.mark.parametrize("workers", [1, 2])
def test_what_stops_the_start_is_told_as_by_one_process(
    tmp_path: Path, latest_postgres: EmbeddedPostgres, workers: int
) -> None:
    text = f"workers = {workers}\n"
    port = f"127.0.0.1:{latest_postgres.port}"
    told = {
        text + role("app", latest_postgres, listen=port): f"cannot listen on {port}: something",
        text + '[audit]\npath = "none/audit"\n' + role("app", latest_postgres): "cannot be opened",
    }
    file = tmp_path / "keyless.toml"
    for content, sentence in told.items():
        file.write_text(content)
        done = run(COMMAND, "serve", "-c", str(file), environment=environment())
        assert done.returncode == 1
        assert done.stderr.startswith("keyless: ")
        assert sentence in done.stderr
        assert done.stderr.count("\n") == 1


def test_unix_sockets_mysql_and_ssh(
    start_keyless: StartKeyless,
    latest_postgres: EmbeddedPostgres,
    mariadb: MysqlServer,
    openssh: OpenSsh,
    tmp_path: Path,
) -> None:
    folder = tmp_path / "run"
    text = role("unix", latest_postgres, listen=f"unix:{folder}")
    text += mysql_role("my", mariadb, NATIVE) + ssh_role("web", openssh)
    keyless = start_keyless(f"workers = 2\n{text}", secrets(openssh))
    audit = keyless.audit()
    for _ in range(3):
        with Wire(keyless.places["unix"]).log_in("unix") as one:
            assert one.query("SELECT 1") == [b"1"]
        with connect(keyless, "my") as session:
            assert ask(session, "SELECT 1") == [(1,)]
        assert well(client(keyless, "web", tmp_path).run("echo", "there")) == "there\n"
    started = audit.wait("session.start", 9)
    assert {event["client"]["uid"] for event in started} == {os.getuid()}
    assert (keyless.directory / "ssh_host_key").stat().st_mode & 0o777 == 0o600
    assert keyless.stop() == 0
    assert not list(folder.iterdir())

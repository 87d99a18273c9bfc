"""A real proxy's numbers, as Prometheus fetches them: right, on loopback, and of nobody."""

import socket
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from protocols.api import TcpEndpoint
from proxy.demo.postgres import EmbeddedPostgres
from proxy.listener import ListenError
from proxy.metrics import Metrics, serve
from tests.keyless import SECRET, WRONG_PASSWORD, Keyless, role
from tests.secrecy import find
from tests.waiting import eventually
from tests.wire import Wire, refusal

_NAMES = {
    "keyless_sessions",
    "keyless_open_sessions",
    "keyless_spares",
    "keyless_login_retries",
    "keyless_secret_reads",
    "keyless_secret_read_seconds",
    "keyless_secret_reads_in_flight",
}
_LABELS = {"role", "outcome", "provider", "source", "le"}
_CANCEL = bytes.fromhex("00000010 04d2162e 00000001 00000002")
Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


@pytest.fixture(scope="module")
def port() -> int:
    return _free_port()


@pytest.fixture(scope="module")
def proxy(artefacts: Path, latest_postgres: EmbeddedPostgres, port: int) -> Iterator[Keyless]:
    """A role that works and one that upstream refuses, of one provider."""
    text = f'metrics = {{ listen = "127.0.0.1:{port}" }}\nsecrets = {{ rotation_wait = 0 }}\n'
    text += role("app", latest_postgres) + role("wrong", latest_postgres, PASS=WRONG_PASSWORD)
    with Keyless(artefacts / "metrics", text) as running:
        yield running


def _fetch(port: int) -> str:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
        told: str = answer.read().decode()
    return told


def _samples(port: int) -> Samples:
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(_fetch(port))
        for sample in family.samples
    }


def _value(samples: Samples, name: str, **labels: str) -> float:
    return samples.get((name, frozenset(labels.items())), 0.0)


def test_a_few_sessions_are_counted(proxy: Keyless, port: int) -> None:
    audit = proxy.audit()
    before = _samples(port)
    for _ in range(3):
        Wire(proxy.places["app"]).log_in("app").__exit__()
    refusal(proxy.places["wrong"], "wrong")
    refusal(proxy.places["app"], "app", database="elsewhere")
    audit.wait("session.end", 3)
    audit.wait("session.denied", 2)
    reads = audit.events("secret.read")
    after = _samples(port)

    def gained(name: str, **labels: str) -> float:
        return _value(after, name, **labels) - _value(before, name, **labels)

    assert gained("keyless_sessions_total", role="app", outcome="started") == 3
    assert gained("keyless_sessions_total", role="app", outcome="denied") == 1
    assert gained("keyless_sessions_total", role="wrong", outcome="denied") == 1
    assert gained("keyless_sessions_total", role="wrong", outcome="started") == 0
    assert gained("keyless_secret_reads_total", provider="envjson", source="read") == len(reads)
    assert gained("keyless_secret_read_seconds_count", provider="envjson") == len(reads)
    assert gained("keyless_login_retries_total", role="wrong") == 0  # nothing else to try


def test_what_is_open_is_counted_while_it_is(proxy: Keyless, port: int) -> None:
    eventually(lambda: _value(_samples(port), "keyless_open_sessions") == 0)
    with Wire(proxy.places["app"]).log_in("app"), Wire(proxy.places["app"]).log_in("app"):
        assert _value(_samples(port), "keyless_open_sessions") == 2
    eventually(lambda: _value(_samples(port), "keyless_open_sessions") == 0)
    in_flight = _value(_samples(port), "keyless_secret_reads_in_flight", provider="envjson")
    assert in_flight == 0


def test_requests_to_cancel_are_counted_apart(proxy: Keyless, port: int) -> None:
    with Wire(proxy.places["app"]) as client:
        client.send(_CANCEL)
        assert client.is_closed()
    name, labels = "keyless_sessions_total", {"role": "app", "outcome": "cancel"}
    eventually(lambda: _value(_samples(port), name, **labels) == 1)


def test_names_and_labels_are_known_and_tell_of_nobody(proxy: Keyless, port: int) -> None:
    Wire(proxy.places["app"]).log_in("someone_in_particular", database="app").__exit__()
    told = _fetch(port)
    families = list(text_string_to_metric_families(told))
    assert {family.name for family in families} == _NAMES
    samples = [sample for family in families for sample in family.samples]
    assert {label for sample in samples for label in sample.labels} == _LABELS
    for private in ("someone_in_particular", "scram_user", SECRET):
        assert private not in told
    assert find(told.encode()) == []


def test_they_are_served_on_loopback_alone(proxy: Keyless, port: int) -> None:
    listening = [
        fields[1].partition(":")[0]
        for table in ("/proc/net/tcp", "/proc/net/tcp6")
        for line in Path(table).read_text().splitlines()[1:]
        if (fields := line.split())[3] == "0A" and int(fields[1].rpartition(":")[2], 16) == port
    ]
    assert listening == ["0100007F"]


def test_without_a_word_in_the_file_none_are_served(
    artefacts: Path, latest_postgres: EmbeddedPostgres, port: int
) -> None:
    with Keyless(artefacts / "no-metrics", role("app", latest_postgres)) as running:
        fds = Path(f"/proc/{running.process.pid}/fd").iterdir()
        sockets = {fd.readlink().name.removeprefix("socket:") for fd in fds if fd.is_symlink()}
        lines = Path("/proc/net/tcp").read_text().splitlines()[1:]
        mine = [line for line in map(str.split, lines) if f"[{line[9]}]" in sockets]
        assert len([line for line in mine if line[3] == "0A"]) == 1  # the role's


def test_a_port_that_is_taken_is_told() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        endpoint = TcpEndpoint("127.0.0.1", listener.getsockname()[1])
        with pytest.raises(ListenError, match=rf"cannot serve metrics on {endpoint}: Address"):
            serve(Metrics().registry, endpoint)

"""A client that has only ended its side is answered; one that is gone is not waited for, and what
it asked for is stopped, unless it had said goodbye."""

import os
import shutil
import socket
import ssl
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import pytest

from proxy.demo.postgres import EmbeddedPostgres
from tests.keyless import Keyless, role
from tests.servers.postgres import DATABASE
from tests.waiting import eventually
from tests.wire import Wire, message, query, startup

_SSL_REQUEST = bytes.fromhex("0000000804d2162f")
_READY = b"Z\0\0\0\5I"
T = TypeVar("T")

names = pytest.mark.parametrize("name", ["tcp", "six", "unix"])


class _Tls:
    """A client that can end its side of TLS and read on, which Python's own socket cannot."""

    def __init__(self, place: tuple[str, int]) -> None:
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        self._in, self._out = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._in, self._out)
        self.socket = socket.create_connection(place, 15)
        self.socket.sendall(_SSL_REQUEST)
        assert self.socket.recv(1) == b"S"
        self._do(self._tls.do_handshake)

    def log_in(self, user: str) -> None:
        self.send(startup(user=user))
        while not self.receive().endswith(_READY):
            continue

    def send(self, data: bytes) -> None:
        self._tls.write(data)
        self._flush()

    def receive(self) -> bytes:
        """Nothing at the end."""
        try:
            return self._do(lambda: self._tls.read(65_536))
        except ssl.SSLZeroReturnError:
            return b""

    def end(self) -> None:
        with pytest.raises(ssl.SSLWantReadError):
            self._tls.unwrap()  # ours is said; the proxy's own goodbye comes in time
        self._flush()
        self.socket.shutdown(socket.SHUT_WR)

    def _flush(self) -> None:
        if data := self._out.read():  # to send nothing is an error, too, once our side is over
            self.socket.sendall(data)

    def _do(self, step: Callable[[], T]) -> T:
        while True:
            try:
                return step()
            except ssl.SSLWantReadError:
                self._flush()
                self._in.write(self.socket.recv(65_536))
            finally:
                self._flush()


@pytest.fixture(scope="module")
def proxy(artefacts: Path, latest_postgres: EmbeddedPostgres) -> Iterator[Keyless]:
    sockets = Path("/tmp", f"keyless-half-close-{os.getpid()}")
    roles = [
        role("tcp", latest_postgres),
        role("six", latest_postgres, listen="[::1]:0"),
        role("unix", latest_postgres, listen=f"unix:{sockets}"),
    ]
    with Keyless(artefacts / "half-close", "".join(roles)) as running:
        yield running
    shutil.rmtree(sockets)


@pytest.fixture
def table(latest_postgres: EmbeddedPostgres) -> Iterator[EmbeddedPostgres]:
    latest_postgres.execute("CREATE TABLE farewells (id int)", DATABASE)
    yield latest_postgres
    latest_postgres.execute("DROP TABLE farewells", DATABASE)


def _sleeping(server: EmbeddedPostgres) -> bool:
    asked = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'"
    return server.execute(asked) != "0\n"


@names
def test_a_client_that_has_only_ended_is_waited_for(proxy: Keyless, name: str) -> None:
    """However long its query takes: far longer than it takes to see that a client is gone."""
    audit = proxy.audit()
    with Wire(proxy.places[name]).log_in(name) as client:
        client.send(query("SELECT 'late' FROM pg_sleep(3)"))
        client.socket.shutdown(socket.SHUT_WR)
        rows = [body[6:] for kind, body in client.until(b"Z") if kind == b"D"]
        assert rows == [b"late"]
        assert client.is_closed()
    assert audit.one("postgres.query", role=name)["finished"]
    assert audit.one("session.end", role=name)["ended_by"] == "client"


def test_a_client_that_has_only_ended_its_tls_is_waited_for(proxy: Keyless) -> None:
    client = _Tls(proxy.places["tcp"])
    with client.socket:
        client.log_in("tcp")
        client.send(query("SELECT 'late' FROM pg_sleep(3)"))
        client.end()
        answer = b""
        while chunk := client.receive():
            answer += chunk
    assert b"late" in answer
    assert answer.endswith(_READY)


@names
def test_a_client_that_is_gone_is_not_waited_for(
    proxy: Keyless, latest_postgres: EmbeddedPostgres, name: str
) -> None:
    with Wire(proxy.places[name]).log_in(name) as client:
        client.send(query("SELECT pg_sleep(60)"))
        eventually(lambda: _sleeping(latest_postgres))
    eventually(lambda: not _sleeping(latest_postgres), seconds=2)


def test_a_client_that_ended_first_and_is_gone_then_is_not_waited_for(
    proxy: Keyless, latest_postgres: EmbeddedPostgres
) -> None:
    with Wire(proxy.places["tcp"]).log_in("tcp") as client:
        client.send(query("SELECT pg_sleep(60)"))
        client.socket.shutdown(socket.SHUT_WR)
        eventually(lambda: _sleeping(latest_postgres))
        time.sleep(1)
        assert _sleeping(latest_postgres)
    eventually(lambda: not _sleeping(latest_postgres), seconds=2)


@names
def test_what_was_asked_before_a_goodbye_is_done(
    proxy: Keyless, table: EmbeddedPostgres, name: str
) -> None:
    with Wire(proxy.places[name]).log_in(name) as client:
        client.send(query("INSERT INTO farewells SELECT 1 FROM pg_sleep(1.5)") + message(b"X"))
    eventually(lambda: _sleeping(table))
    eventually(lambda: not _sleeping(table))
    counted = "SELECT count(*) FROM farewells"
    eventually(lambda: table.execute(counted, DATABASE) == "1\n", seconds=2)

"""Cancel requests: they reach the session whose key they bear, and no other."""

import asyncio
import os
import signal
import subprocess
import threading
from collections.abc import Iterator

import asyncpg
import psycopg
import pytest

from proxy.demo.postgres import EmbeddedPostgres
from tests.end_to_end.programs import NO_FILE, PSQL, psql_environment
from tests.keyless import Keyless
from tests.waiting import eventually
from tests.wire import Refused, Wire, cancel_request, query

_SLEEP = "SELECT pg_sleep(60)"


def _sleeping(server: EmbeddedPostgres) -> bool:
    asked = f"SELECT count(*) FROM pg_stat_activity WHERE query = '{_SLEEP}' AND state = 'active'"
    return server.execute(asked) != "0\n"


@pytest.fixture
def asleep(keyless: Keyless, latest_postgres: EmbeddedPostgres) -> Iterator[Wire]:
    """A session of pg18 in the middle of a long query."""
    with Wire(keyless.places["pg18"]).log_in("pg18") as session:
        session.send(query(_SLEEP))
        eventually(lambda: _sleeping(latest_postgres))
        yield session
        others = "FROM pg_stat_activity WHERE pid <> pg_backend_pid()"
        latest_postgres.execute(f"SELECT pg_cancel_backend(pid) {others}")


def _ask(place: tuple[str, int], key: bytes) -> None:
    """Send a cancel request and wait, as libpq does, for the proxy to close."""
    with Wire(place) as client:
        client.send(cancel_request(key))
        assert client.is_closed()


def _still_asleep(session: Wire, server: EmbeddedPostgres) -> bool:
    """Upstream acts on a request before it closes, so an answer would be here by now."""
    session.socket.settimeout(0.3)
    with pytest.raises(TimeoutError):
        session.receive()
    return _sleeping(server)


def test_ctrl_c_in_psql(keyless: Keyless, role_name: str, postgres: EmbeddedPostgres) -> None:
    host, port = keyless.places[role_name]
    process = subprocess.Popen(
        [PSQL, "-X", "-w", "-h", host, "-p", str(port), "-U", role_name, "-c", _SLEEP],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=psql_environment(),
    )
    eventually(lambda: _sleeping(postgres))
    process.send_signal(signal.SIGINT)
    _, told = process.communicate(timeout=15)
    assert b"canceling statement due to user request" in told
    assert not _sleeping(postgres)


@pytest.mark.parametrize("sslmode", ["disable", "require"])
@pytest.mark.parametrize("version", ["3.0", "3.2"])
def test_psycopg(
    keyless: Keyless, role_name: str, postgres: EmbeddedPostgres, sslmode: str, version: str
) -> None:
    """Over TLS where the session is; in 3.2 with keys of 32 bytes, where upstream has them."""
    options = {"sslmode": sslmode, "max_protocol_version": version}
    with keyless.connect(role_name, **options) as connection:

        def cancel() -> None:
            eventually(lambda: _sleeping(postgres))
            connection.cancel_safe(timeout=15)

        canceller = threading.Thread(target=cancel)
        canceller.start()
        with pytest.raises(psycopg.errors.QueryCanceled):
            connection.execute(_SLEEP)
        canceller.join()
        assert connection.execute("SELECT 1").fetchone() == (1,)


@pytest.mark.parametrize("tls", ["disable", "require"])
async def test_asyncpg(keyless: Keyless, tls: str) -> None:
    """It cancels by itself when its time is over."""
    host, port = keyless.places["pg18"]
    connection = await asyncpg.connect(host=host, port=port, user="pg18", ssl=tls, passfile=NO_FILE)
    with pytest.raises(asyncio.TimeoutError):
        await connection.execute(_SLEEP, timeout=0.3)
    assert await connection.fetchval("SELECT 1") == 1
    await connection.close()


def test_the_right_key(keyless: Keyless, asleep: Wire) -> None:
    audit = keyless.audit()
    _ask(keyless.places["pg18"], asleep.key)
    with pytest.raises(Refused, match="57014"):
        asleep.until(b"C")
    assert audit.one("session.cancel", known=True)


def test_a_wrong_key_cancels_nothing(
    keyless: Keyless, latest_postgres: EmbeddedPostgres, asleep: Wire
) -> None:
    audit = keyless.audit()
    process, secret = asleep.key[:4], asleep.key[4:]
    flipped = bytes([secret[0] ^ 1]) + secret[1:]
    for key in (process + flipped, process + bytes(4), process + secret * 64, os.urandom(8)):
        _ask(keyless.places["pg18"], key[:260])
    assert _still_asleep(asleep, latest_postgres)
    audit.wait("session.cancel", 4, known=False)


def test_the_key_of_another_role_cancels_nothing(
    keyless: Keyless, latest_postgres: EmbeddedPostgres, asleep: Wire
) -> None:
    _ask(keyless.places["pg16"], asleep.key)
    assert _still_asleep(asleep, latest_postgres)


def test_the_key_of_a_session_that_is_over_cancels_nothing(keyless: Keyless) -> None:
    audit = keyless.audit()
    with Wire(keyless.places["pg18"]).log_in("pg18") as session:
        (started,) = audit.wait("session.start")
    audit.wait("session.end", session=started["session"])
    _ask(keyless.places["pg18"], session.key)
    assert audit.one("session.cancel", known=False)


@pytest.mark.parametrize("length", [0, 3, 7, 261, 9000])
def test_a_key_of_no_legal_length_is_refused(keyless: Keyless, length: int) -> None:
    with Wire(keyless.places["pg18"]) as client:
        client.send(cancel_request(bytes(length)))
        with pytest.raises(Refused, match="08P01 invalid startup packet layout: a cancel key has"):
            client.receive()


def test_upstream_has_acted_when_the_socket_closes(keyless: Keyless, asleep: Wire) -> None:
    """Else a client could send its next statement before the cancel, and lose that one instead."""
    _ask(keyless.places["pg18"], asleep.key)
    with pytest.raises(Refused, match="57014"):
        asleep.until(b"C")
    asleep.until(b"Z")
    for _ in range(50):
        assert asleep.query("SELECT 1") == [b"1"]

"""What flows after the login: at any pace, in any pieces, to any end."""

import socket
import threading
from contextlib import closing
from pathlib import Path

import psycopg
import pytest

from proxy.demo.postgres import EmbeddedPostgres
from tests.end_to_end.conftest import StartKeyless
from tests.keyless import Keyless, role
from tests.servers.postgres import PostgresServers
from tests.waiting import eventually
from tests.wire import Refused, Wire, message, query, startup

_SLEEP = "SELECT pg_sleep(60)"
_LARGE = "SELECT repeat('x', 1000) FROM generate_series(1, 200_000)"  # 200 MB
_LITTLE = 16_000  # kilobytes


def _active(server: EmbeddedPostgres) -> int:
    return int(
        server.execute(
            "SELECT count(*) FROM pg_stat_activity"
            " WHERE usename = 'scram_user' AND state = 'active'"
        )
    )


def _is_stuck(server: EmbeddedPostgres) -> bool:
    """Whether it waits for somebody to take its rows."""
    asked = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'ClientWrite'"
    return server.execute(asked) == "1\n"


def _resident(keyless: Keyless) -> int:
    """Kilobytes."""
    status = Path(f"/proc/{keyless.process.pid}/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0])


@pytest.mark.parametrize("sslmode", ["disable", "require"])
def test_a_reader_that_stalls_costs_no_memory(
    keyless: Keyless, latest_postgres: EmbeddedPostgres, sslmode: str
) -> None:
    with closing(keyless.connect("pg18", sslmode=sslmode)) as connection:
        before = _resident(keyless)
        connection.pgconn.send_query(_LARGE.encode())
        eventually(lambda: _is_stuck(latest_postgres))
        assert _resident(keyless) - before < _LITTLE
    eventually(lambda: _active(latest_postgres) == 0)


def test_all_that_was_held_back_arrives(
    keyless: Keyless, latest_postgres: EmbeddedPostgres
) -> None:
    with Wire(keyless.places["pg18"]).log_in("pg18") as client:
        client.send(query("SELECT repeat('x', 1000) FROM generate_series(1, 20_000)"))
        eventually(lambda: _is_stuck(latest_postgres))
        rows = [body for kind, body in client.until(b"Z") if kind == b"D"]
        assert {len(row) for row in rows} == {1000 + 6}
        assert len(rows) == 20_000


def test_one_byte_at_a_time(keyless: Keyless) -> None:
    with Wire(keyless.places["pg18"]) as client:
        client.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in startup(user="pg18") + query("SELECT 'piece by piece'"):
            client.send(bytes([byte]))
        client.until(b"Z")
        rows = [body for kind, body in client.until(b"Z") if kind == b"D"]
        assert rows[0].endswith(b"piece by piece")


def test_a_client_that_has_said_all_it_will_still_gets_its_answer(keyless: Keyless) -> None:
    with Wire(keyless.places["pg18"]).log_in("pg18") as client:
        client.send(query("SELECT 'late' FROM pg_sleep(0.3)"))
        client.socket.shutdown(socket.SHUT_WR)
        rows = [body for kind, body in client.until(b"Z") if kind == b"D"]
        assert rows[0].endswith(b"late")
        assert client.is_closed()


def test_a_request_sent_with_the_startup_is_answered(keyless: Keyless) -> None:
    """The bytes after the startup packet belong to the relay."""
    with Wire(keyless.places["pg18"]) as client:
        client.send(startup(user="pg18") + query("SELECT 'early'") + message(b"X"))
        client.until(b"Z")
        rows = [body for kind, body in client.until(b"Z") if kind == b"D"]
        assert rows[0].endswith(b"early")
        assert client.is_closed()


def test_a_client_killed_in_mid_query_stops_the_query(
    keyless: Keyless, latest_postgres: EmbeddedPostgres
) -> None:
    audit = keyless.audit()
    client = Wire(keyless.places["pg18"]).log_in("pg18")
    client.send(query(_SLEEP))
    session = audit.one("session.start")["session"]
    eventually(lambda: _active(latest_postgres) == 1)
    client.__exit__()
    eventually(lambda: _active(latest_postgres) == 0, seconds=5)
    end = audit.one("session.end", session=session)
    assert (end["ended_by"], end["reason"]) == ("client", "closed the connection")
    event = audit.one("postgres.query", session=session)
    assert (event["statement"], event["finished"]) == (_SLEEP, False)


def test_a_client_that_breaks_off_stops_the_query_at_once(
    keyless: Keyless, latest_postgres: EmbeddedPostgres
) -> None:
    client = Wire(keyless.places["pg18"]).log_in("pg18")
    client.send(query(_SLEEP))
    eventually(lambda: _active(latest_postgres) == 1)
    client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    client.__exit__()
    eventually(lambda: _active(latest_postgres) == 0, seconds=1.5)


def test_an_administrators_goodbye_reaches_the_client(
    keyless: Keyless, latest_postgres: EmbeddedPostgres
) -> None:
    with keyless.connect("pg18") as connection:
        pid = connection.info.backend_pid
        killer = threading.Timer(
            0.2, latest_postgres.execute, [f"SELECT pg_terminate_backend({pid})"]
        )
        killer.start()
        with pytest.raises(psycopg.errors.AdminShutdown):
            connection.execute(_SLEEP)
        killer.join()


def test_upstream_gone_in_mid_query_is_told_to_the_client(
    postgres_servers: PostgresServers, start_keyless: StartKeyless
) -> None:
    with postgres_servers.fresh(18) as server:
        keyless = start_keyless(role("fragile", server))
        audit = keyless.audit()
        with Wire(keyless.places["fragile"]).log_in("fragile") as client:
            client.send(query(_SLEEP))
            eventually(lambda: _active(server) == 1)
            server.stop("immediate")
            with pytest.raises(Refused) as raised:
                client.until(b"Z")
            assert client.is_closed()
        assert raised.value.code == "08006"
        assert raised.value.sentence == 'upstream of role "fragile" closed the connection'
        end = audit.one("session.end")
        assert (end["ended_by"], end["reason"]) == ("upstream", "closed the connection")

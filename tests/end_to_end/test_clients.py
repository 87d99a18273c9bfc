"""Clients that must just work, without a password: psql, psycopg 3 and asyncpg."""

import ssl
from typing import Literal

import asyncpg
import pytest

from tests.end_to_end.programs import NO_FILE, PSQL, run
from tests.keyless import Keyless
from tests.wire import Wire, message, startup

_SUM = "SELECT sum(balance) FROM accounts"
sslmodes = pytest.mark.parametrize("sslmode", ["disable", "prefer", "require"])


@sslmodes
def test_psql(keyless: Keyless, role_name: str, sslmode: str) -> None:
    host, port = keyless.places[role_name]
    conninfo = f"host={host} port={port} user={role_name} sslmode={sslmode}"
    done = run(
        *(PSQL, "--no-psqlrc", "--no-align", "--tuples-only", "--no-password", conninfo),
        stdin=f"\\conninfo\n{_SUM};\nSHOW server_version_num;\n",
    )
    assert done.returncode == 0, done.stderr
    told, *_, total, version = done.stdout.splitlines()
    assert told.startswith(f'You are connected to database "{role_name}" as user "{role_name}"')
    assert total == "50500.00"
    assert version.startswith(role_name.removeprefix("pg"))


@sslmodes
def test_psycopg(keyless: Keyless, role_name: str, sslmode: str) -> None:
    with keyless.connect(role_name, sslmode=sslmode) as connection:
        assert connection.pgconn.ssl_in_use == (sslmode != "disable")
        assert connection.execute(_SUM).fetchone() == (50500,)
        rows = connection.execute("SELECT id, owner FROM accounts WHERE id < %s", [3]).fetchall()
        assert rows == [(1, "owner 1"), (2, "owner 2")]


@sslmodes
async def test_asyncpg(
    keyless: Keyless, role_name: str, sslmode: Literal["disable", "prefer", "require"]
) -> None:
    host, port = keyless.places[role_name]
    connection = await asyncpg.connect(
        host=host, port=port, user=role_name, ssl=sslmode, passfile=NO_FILE
    )
    try:
        assert await connection.fetchval(_SUM) == 50500
        assert await connection.fetchval("SELECT $1::int + 1", 41) == 42
    finally:
        await connection.close()


def test_a_client_that_verifies_the_name_sees_localhost(keyless: Keyless, role_name: str) -> None:
    """Nobody can verify who issued it, for it was made when the proxy started."""
    host, port = keyless.places[role_name]
    with Wire((host, port)) as client:
        client.send(bytes.fromhex("0000000804d2162f"))
        assert client.read(1) == b"S"
        context = ssl.create_default_context()
        with pytest.raises(ssl.SSLCertVerificationError, match="self-signed"):
            context.wrap_socket(client.socket, server_hostname="localhost")


def test_direct_tls(keyless: Keyless, role_name: str) -> None:
    """libpq 17 and later with sslnegotiation=direct: no SSLRequest, and ALPN instead."""
    with keyless.connect(role_name, sslmode="require", sslnegotiation="direct") as connection:
        assert connection.pgconn.ssl_in_use
        assert connection.execute("SELECT 1").fetchone() == (1,)


@pytest.mark.parametrize("alpn", [None, "http/1.1"])
def test_direct_tls_without_its_protocol_is_refused(keyless: Keyless, alpn: str | None) -> None:
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    if alpn:
        context.set_alpn_protocols([alpn])
    with Wire(keyless.places["pg18"]) as client, context.wrap_socket(client.socket) as tls:
        tls.sendall(startup(user="pg18"))
        assert b"C08P01\0Mdirect TLS needs the ALPN protocol postgresql\0" in tls.recv(1000)


@pytest.mark.parametrize(("name", "spoken"), [("pg18", 30002), ("pg16", 30000)])
def test_the_newest_protocol_version_that_upstream_speaks(
    keyless: Keyless, name: str, spoken: int
) -> None:
    with keyless.connect(name, max_protocol_version="3.2") as connection:
        assert connection.pgconn.full_protocol_version == spoken
        assert connection.execute("SELECT 1").fetchone() == (1,)


def test_settings_of_the_client_reach_upstream(keyless: Keyless, role_name: str) -> None:
    said = {"options": "-c work_mem=5MB", "application_name": "it's me"}
    with keyless.connect(role_name, **said) as connection:
        assert connection.execute("SHOW work_mem").fetchone() == ("5MB",)
        assert connection.execute("SHOW application_name").fetchone() == ("it's me",)


def test_the_account_is_upstreams_and_the_database_the_roles(
    keyless: Keyless, role_name: str
) -> None:
    with keyless.connect(role_name, user="whoever", dbname="app") as connection:
        asked = "SELECT current_user, current_database()"
        assert connection.execute(asked).fetchone() == ("scram_user", "app")


def test_a_pipeline_of_psycopg(keyless: Keyless, role_name: str) -> None:
    with keyless.connect(role_name) as connection, connection.pipeline():
        cursors = [connection.execute("SELECT %s::int", [n]) for n in range(500)]
        assert [cursor.fetchone() for cursor in cursors] == [(n,) for n in range(500)]


def test_a_notification_arrives_unasked(keyless: Keyless, role_name: str) -> None:
    with keyless.connect(role_name) as listener, keyless.connect(role_name) as speaker:
        listener.execute("LISTEN news")
        speaker.execute("NOTIFY news, 'all is well'")
        (heard,) = listener.notifies(timeout=15, stop_after=1)
        assert (heard.channel, heard.payload) == ("news", "all is well")


def test_a_session_with_nothing_to_say(keyless: Keyless, role_name: str) -> None:
    with Wire(keyless.places[role_name]).log_in(role_name) as client:
        client.send(message(b"X"))
        assert client.is_closed()

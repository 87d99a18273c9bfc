"""MySQL's and MariaDB's clients, and PyMySQL, are let in without a password, or told why not."""

import socket
import ssl
import subprocess
from collections.abc import Callable, Mapping
from contextlib import ExitStack, closing, suppress
from pathlib import Path
from typing import Any

import pymysql
import pytest

from tests.end_to_end.conftest import StartKeyless
from tests.keyless import COMMAND, WRONG_PASSWORD, Keyless, environment, role
from tests.protocols.mysql.server import CLIENT, SSL, head, packet, response
from tests.secrecy import CANARY, canary
from tests.servers.debian import Debian, installed
from tests.servers.mysql import DATABASE, MysqlServers
from tests.servers.mysql_flavours import ED25519, NATIVE, PLUGINS, SHA2, sid_mariadb, sid_mysql
from tests.servers.mysql_programs import run
from tests.servers.mysqld import MysqlServer
from tests.waiting import eventually

_CLIENTS: Mapping[str, tuple[Callable[[], Debian], str]] = {
    "mysql 9": (sid_mysql, "mysql"),
    "mariadb 11": (sid_mariadb, "mariadb"),
    "mariadb 10": (lambda: installed("mariadb", "mariadb-client"), "mariadb"),
}
_QUERY = "SELECT concat(current_user(), ' ', owner) FROM accounts WHERE id = 7"
_SERVERS = [(name, plugins[0]) for name, plugins in PLUGINS.items()]


def _role(name: str, server: MysqlServer | int, user: str, **more: Any) -> str:
    port = server if isinstance(server, int) else server.port
    return role(name, port, **({"kind": "mysql", "USER": user, "DB": DATABASE} | more))


def _connect(keyless: Keyless, name: str, **options: Any) -> "pymysql.Connection[Any]":
    host, port = keyless.places[name]
    return pymysql.connect(**({"host": host, "port": port, "user": "joe"} | options))


def _refused(keyless: Keyless, name: str, **options: Any) -> tuple[int, str]:
    with pytest.raises(pymysql.err.MySQLError) as caught:
        _connect(keyless, name, **options)
    code, sentence = caught.value.args
    return code, sentence


def _ask(connection: "pymysql.Connection[Any]", sql: str) -> Any:
    """The first column of the first row."""
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return cursor.fetchone()[0]


@pytest.fixture(scope="module")
def keyless(artefacts: Path, mysql_servers: MysqlServers) -> Any:
    """A role for each server, with its name."""
    roles = [_role(name, mysql_servers.running(name), user) for name, user in _SERVERS]
    with Keyless(artefacts / "keyless-mysql", "".join(roles)) as running:
        yield running


@pytest.mark.parametrize("client", _CLIENTS)
@pytest.mark.parametrize(("name", "user"), _SERVERS)
def test_the_servers_own_clients_get_in(
    keyless: Keyless, client: str, name: str, user: str
) -> None:
    debian, program = _CLIENTS[client]
    plain = "--ssl-mode=DISABLED" if client == "mysql 9" else "--skip-ssl"
    host, port = keyless.places[name]
    ways: tuple[tuple[str | None, list[str]], ...] = (
        (None, []),
        ("whatever", []),
        (None, [plain]),
        (None, ["--compress"]),
        ("whatever", [f"--default-auth={NATIVE}"]),
    )
    for password, options in ways:
        words = (*options, "--batch", "--skip-column-names", f"--execute={_QUERY}", DATABASE)
        done = run(debian(), program, *words, host=host, port=port, password=password)
        assert done.stdout == f"{user}@% owner 7\n", done.stderr


def test_mysqls_client_compresses_by_zstd_as_well(keyless: Keyless) -> None:
    host, port = keyless.places["mysql"]
    words = ("--compression-algorithms=zstd", "--batch", "-e", "SHOW STATUS LIKE 'Compression%'")
    done = run(sid_mysql(), "mysql", *words, host=host, port=port)
    assert "Compression_algorithm\tzstd" in done.stdout, done.stderr


@pytest.mark.parametrize("options", [{}, {"ssl": {"ca": None}}, {"password": "whatever"}])
@pytest.mark.parametrize(("name", "user"), _SERVERS)
def test_pymysql_gets_in(
    keyless: Keyless, name: str, user: str, options: Mapping[str, Any]
) -> None:
    with closing(_connect(keyless, name, **options)) as connection:
        assert _ask(connection, "SELECT current_user()") == f"{user}@%"
        assert _ask(connection, "SELECT database()") == DATABASE


@pytest.mark.parametrize(("name", "user"), _SERVERS)
def test_what_the_greeting_tells_is_true(
    keyless: Keyless, mysql_servers: MysqlServers, name: str, user: str
) -> None:
    with closing(_connect(keyless, name)) as connection:
        assert _ask(connection, "SELECT connection_id()") == connection.thread_id()
        version = _ask(connection, "SELECT version()")
        assert connection.get_server_info().removeprefix("5.5.5-") == version
        with closing(_connect(keyless, name)) as other:
            other.kill(connection.thread_id())
        with pytest.raises(pymysql.err.MySQLError):
            _ask(connection, "SELECT 1")


def test_collation_and_attributes_are_the_clients(keyless: Keyless) -> None:
    with closing(_connect(keyless, "mysql", charset="latin1", program_name="payroll")) as client:
        assert _ask(client, "SELECT @@collation_connection") == "latin1_swedish_ci"
        told = "SELECT attr_value FROM performance_schema.session_account_connect_attrs WHERE"
        own = f"{told} attr_name = 'program_name' AND processlist_id = connection_id()"
        assert _ask(client, own) == "payroll"


def test_the_audit_tells_who_and_how(keyless: Keyless) -> None:
    audit = keyless.audit()
    with closing(_connect(keyless, "mariadb", program_name="payroll")) as client:
        thread = str(client.thread_id())
    started = audit.one("session.start")
    assert started["wish"] == {"user": "joe", "database": None, "application": "payroll"}
    facts = started["facts"]
    assert (facts["method"], facts["thread_id"], facts["database"]) == (NATIVE, thread, DATABASE)
    assert facts["server_version"].startswith("10.")


def test_the_audit_tells_what_a_client_wished_that_was_refused(keyless: Keyless) -> None:
    audit = keyless.audit()
    assert _refused(keyless, "mariadb", database="shop", program_name="payroll")[0] == 1049
    denied = audit.one("session.denied")
    assert denied["wish"] == {"user": "joe", "database": "shop", "application": "payroll"}
    assert denied["reason"] == "unknown_database"


def test_refusals_have_mysqls_codes(mysql: MysqlServer, start_keyless: StartKeyless) -> None:
    roles = [
        _role("plain", mysql, SHA2, SSLMODE="disable"),
        _role("denied", mysql, SHA2, settings='allow = { users = ["nobody-of-us"] }'),
        _role("down", 1, SHA2),
        _role("unreadable", mysql, SHA2, PASS="_envjson:NOWHERE:password"),
        _role("wrong", mysql, SHA2, PASS=WRONG_PASSWORD),
        _role("elsewhere", mysql, SHA2, DB="mysql"),
    ]
    mysql.execute("FLUSH PRIVILEGES")  # else it remembers the password, and needs none
    keyless = start_keyless("".join(roles))
    told = {name: _refused(keyless, name) for name in keyless.places}
    codes = {name: code for name, (code, _) in told.items()}
    assert codes == {
        "denied": 1045,
        "down": 1105,
        "unreadable": 1105,
        "wrong": 1045,
        "elsewhere": 1049,
        "plain": 1105,
    }
    assert told["denied"][1] == 'role "denied" does not exist'
    assert all(f'role "{name}"' in sentence for name, (_, sentence) in told.items())
    assert SHA2 not in str(told)
    code, sentence = _refused(keyless, "wrong", database="shop")
    assert (code, 'does not offer database "shop"' in sentence) == (1049, True)


def test_a_full_server_is_told(mysql_servers: MysqlServers, start_keyless: StartKeyless) -> None:
    with mysql_servers.fresh("mariadb", settings={"max-connections": "10"}) as server:
        keyless = start_keyless(_role("app", server, NATIVE))
        with ExitStack() as stack:
            for _ in range(11):  # one more than others may be: it is the administrator's
                with suppress(pymysql.err.MySQLError):
                    stack.enter_context(closing(_connect(keyless, "app")))
            told = _refused(keyless, "app")
    sentence = 'upstream of role "app" has no connection left; try again later'
    assert told == (1040, sentence)


def test_a_rotated_password_is_read_again(
    mariadb: MysqlServer, start_keyless: StartKeyless, tmp_path: Path
) -> None:
    secret = tmp_path / "secret"
    secret.write_text(CANARY)
    role = _role("app", mariadb, "rotating", DB=None, PASS=f"_file:{secret}")
    keyless = start_keyless("[secrets]\ncache_ttl = 60\n" + role)
    mariadb.create_user("rotating", ED25519)
    try:
        _connect(keyless, "app").close()
        mariadb.set_password("rotating", canary("-new"))
        secret.write_text(canary("-new"))
        audit = keyless.audit()
        with closing(_connect(keyless, "app")) as client:
            assert _ask(client, "SELECT current_user()") == "rotating@%"
        assert audit.one("login.retry")["code"] == "1045"
    finally:
        mariadb.execute("DROP USER 'rotating'@'%'")


# -- clients that no driver is --------------------------------------------------------------------


def _status(server: MysqlServer, name: str) -> int:
    return int(server.execute(f"SHOW GLOBAL STATUS LIKE '{name}'")[0][1])


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        packet(1, response())[:10],
        packet(1, head(CLIENT | SSL)),
        packet(1, response(plugin=NATIVE)),
        packet(1, response(database="shop")),
        packet(2, response()),
        b"GET / HTTP/1.1\r\n\r\n",
    ],
    ids=["nothing", "a part", "tls", "no proof", "no such database", "out of turn", "http"],
)
@pytest.mark.parametrize("name", PLUGINS)
def test_upstream_does_not_count_who_leaves_too_early(
    keyless: Keyless, mysql_servers: MysqlServers, name: str, sent: bytes
) -> None:
    """It would take no connection from this machine after `max_connect_errors` of them."""
    server = mysql_servers.running(name)
    connections, aborted = _status(server, "Connections"), _status(server, "Aborted_connects")
    with socket.create_connection(keyless.places[name]) as client:
        assert client.recv(5)[4:] == b"\x0a"
        client.sendall(sent)
    eventually(lambda: _status(server, "Connections") > connections + 2)  # ours to ask are two
    eventually(lambda: _status(server, "Threads_connected") == 1)
    assert _status(server, "Aborted_connects") == aborted


def test_tls_may_begin_in_the_same_segment_as_it_is_asked_for(keyless: Keyless) -> None:
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = context.wrap_bio(incoming, outgoing)
    with suppress(ssl.SSLWantReadError):
        tls.do_handshake()
    with socket.create_connection(keyless.places["mysql"], timeout=15) as client:
        size = int.from_bytes(client.recv(4, socket.MSG_WAITALL)[:3], "little")
        client.recv(size, socket.MSG_WAITALL)
        client.sendall(packet(1, head(CLIENT | SSL)) + outgoing.read())

        def until_done(step: Callable[[], bytes | None]) -> bytes | None:
            while True:
                try:
                    return step()
                except ssl.SSLWantReadError:
                    client.sendall(outgoing.read())
                    incoming.write(client.recv(65_536))

        until_done(tls.do_handshake)
        tls.write(packet(2, response(capabilities=CLIENT | SSL)))
        told = until_done(lambda: tls.read(65_536))
        assert told is not None
        assert (told[3], told[4]) == (3, 0)  # number 3, OK


# -- Keyless's own commands -----------------------------------------------------------------------


def _keyless(directory: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [COMMAND, *words],
        cwd=directory,
        env=environment({"HOME": str(directory)}),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_check_tells_whether_a_role_works(mysql_servers: MysqlServers, tmp_path: Path) -> None:
    roles = [_role(name, mysql_servers.running(name), user) for name, user in _SERVERS]
    wrong = _role("wrong", mysql_servers.running("mariadb"), NATIVE, PASS=WRONG_PASSWORD)
    (tmp_path / "keyless.toml").write_text("".join([*roles, wrong]))
    done = _keyless(tmp_path, "check")
    assert done.returncode != 0
    for _, user in _SERVERS:
        assert f"with {user}, TLS TLSv1.3" in done.stdout
    assert "refused the login" in done.stdout


@pytest.mark.parametrize(("name", "user"), _SERVERS)
def test_connect_opens_mysql_on_a_role(
    keyless: Keyless, mysql_servers: MysqlServers, tmp_path: Path, name: str, user: str
) -> None:
    """Through the proxy that runs, or, by a Unix socket, through one of its own."""
    host, port = keyless.places[name]
    server = mysql_servers.running(name)
    for listen in (f"{host}:{port}", None):
        (tmp_path / "keyless.toml").write_text(_role(name, server, user, listen=listen))
        done = _keyless(tmp_path, "connect", name, "--", "--batch", "-N", "-e", _QUERY)
        assert done.stdout == f"{user}@% owner 7\n", done.stderr
        assert f"Connected to {name}" in done.stderr

"""MySQL's commands that are not statements: some pass, some are answered here, some refused."""

import signal
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import pymysql
import pytest
from pymysql.constants import COMMAND

from tests.end_to_end.mysql import ask, connect, mysql_role
from tests.keyless import Keyless
from tests.servers.debian import ENVIRONMENT, Debian
from tests.servers.mysql import MysqlServers
from tests.servers.mysql_flavours import NATIVE, PLUGINS, SHA2, sid_mariadb, sid_mysql
from tests.servers.mysql_programs import run
from tests.servers.mysqld import MysqlServer
from tests.waiting import eventually

_CLIENTS: Mapping[str, tuple[Callable[[], Debian], str]] = {
    "mysql": (sid_mysql, "mysql"),
    "mariadb": (sid_mariadb, "mariadb"),
}
_RESET_CONNECTION, _CLONE = 0x1F, 0x20
_REFUSED = {
    "COM_BINLOG_DUMP": (COMMAND.COM_BINLOG_DUMP, bytes(10)),
    "COM_REGISTER_SLAVE": (COMMAND.COM_REGISTER_SLAVE, bytes(20)),
    "COM_TABLE_DUMP": (COMMAND.COM_TABLE_DUMP, b"\3app\5notes"),
    "COM_BINLOG_DUMP_GTID": (0x1E, bytes(30)),
    "COM_CLONE": (_CLONE, b""),
}
_LOG = "binary.000001"
_LONG = "SELECT 1 FROM accounts WHERE sleep(60)"
servers = pytest.mark.parametrize("name", PLUGINS)


@pytest.fixture(scope="module")
def keyless(artefacts: Path, mysql_servers: MysqlServers) -> Iterator[Keyless]:
    """A role for each server, with its name, that offers `information_schema` beside its own."""
    settings = 'databases = ["information_schema"]'
    roles = [
        mysql_role(name, mysql_servers.running(name), plugins[0], settings=settings)
        for name, plugins in PLUGINS.items()
    ]
    with Keyless(artefacts / "mysql-commands", "".join(roles)) as running:
        yield running


def _command(session: Any, command: int, body: bytes = b"") -> Any:
    session._execute_command(command, body)
    return session._read_packet()


def _change_user(session: Any, plugin: str, database: str = "") -> None:
    """As whom is all one to Keyless, and the password is wrong everywhere."""
    body = b"somebody\0" + bytes((20,)) + b"p" * 20 + database.encode() + b"\0"
    packet = _command(session, COMMAND.COM_CHANGE_USER, body + b"\x2d\0" + plugin.encode() + b"\0")
    if packet.is_auth_switch_request():
        packet.read_uint8()
        packet = session._process_auth(packet.read_string(), packet)
    assert packet.is_ok_packet()


# -- answered -------------------------------------------------------------------------------------


@servers
@pytest.mark.parametrize("options", [{}, {"ssl_disabled": True}], ids=["tls", "plain"])
@pytest.mark.parametrize("plugin", [NATIVE, SHA2])
def test_a_client_that_changes_its_user_gets_a_fresh_session(
    keyless: Keyless, name: str, plugin: str, options: Mapping[str, Any]
) -> None:
    audit = keyless.audit()
    with closing(connect(keyless, name, password="wrong", **options)) as session:
        ((account, thread),) = ask(session, "SELECT current_user(), connection_id()")
        ask(session, "SET @kept = 1")
        ask(session, "CREATE TEMPORARY TABLE kept (id int)")
        _change_user(session, plugin)
        assert ask(session, "SELECT current_user(), connection_id(), database(), @kept") == [
            (account, thread, "app", None)
        ]
        with pytest.raises(pymysql.err.ProgrammingError):
            ask(session, "SELECT * FROM kept")
        _change_user(session, plugin, "information_schema")
        assert ask(session, "SELECT database(), @@collation_connection") == [
            ("information_schema", "utf8mb4_general_ci")
        ]
    assert len(audit.wait("mysql.command", 2, command="COM_CHANGE_USER", error_code=None)) == 2


@servers
def test_a_user_is_not_changed_to_a_database_that_the_role_does_not_offer(
    keyless: Keyless, name: str
) -> None:
    with closing(connect(keyless, name)) as session:
        with pytest.raises(pymysql.err.MySQLError) as caught:
            _change_user(session, NATIVE, "shop")
        assert caught.value.args[0] == 1049
        assert ask(session, "SELECT database()") == [("app",)]


@servers
def test_plain_commands(keyless: Keyless, name: str) -> None:
    audit = keyless.audit()
    with closing(connect(keyless, name)) as session:
        session.ping(reconnect=False)
        session.select_db("information_schema")
        assert ask(session, "SELECT database()") == [("information_schema",)]
        assert b"Uptime" in _command(session, COMMAND.COM_STATISTICS).get_all_data()
        ask(session, "SET @kept = 1")
        assert _command(session, _RESET_CONNECTION).is_ok_packet()
        assert ask(session, "SELECT @kept") == [(None,)]
    assert audit.one("mysql.command", command="COM_INIT_DB")["detail"] == "information_schema"


# -- KILL -----------------------------------------------------------------------------------------


def _busy(server: MysqlServer) -> bool:
    return bool(
        server.execute("SELECT 1 FROM information_schema.processlist WHERE info = %s", _LONG)
    )


@pytest.mark.parametrize("client", _CLIENTS)
@servers
def test_ctrl_c_in_a_client_stops_its_statement(
    keyless: Keyless, mysql_servers: MysqlServers, name: str, client: str
) -> None:
    debian, program = _CLIENTS[client]
    host, port = keyless.places[name]
    audit = keyless.audit()
    words = (
        "--no-defaults",
        f"--host={host}",
        f"--port={port}",
        "--user=joe",
        f"--execute={_LONG}",
    )
    process = subprocess.Popen(
        debian().command(program, *words),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=ENVIRONMENT,
    )
    eventually(lambda: _busy(mysql_servers.running(name)))
    process.send_signal(signal.SIGINT)
    _, told = process.communicate(timeout=15)
    assert b"ERROR 1317 (70100)" in told
    assert not _busy(mysql_servers.running(name))
    assert audit.one("mysql.query", statement=_LONG)["error_code"] == 1317


@servers
def test_a_killed_session_ends_and_says_so(keyless: Keyless, name: str) -> None:
    audit = keyless.audit()
    with closing(connect(keyless, name)) as session, closing(connect(keyless, name)) as other:
        other.kill(session.thread_id())
        with pytest.raises(pymysql.err.MySQLError):
            ask(session, "SELECT 1")
        assert ask(other, "SELECT 1") == [(1,)]
    audit.wait("session.end", 2, role=name)


# -- refused --------------------------------------------------------------------------------------


@servers
@pytest.mark.parametrize("command", _REFUSED)
def test_replication_and_clones_are_refused_and_the_session_goes_on(
    keyless: Keyless, name: str, command: str
) -> None:
    audit = keyless.audit()
    number, body = _REFUSED[command]
    with closing(connect(keyless, name)) as session:
        with pytest.raises(pymysql.err.MySQLError) as caught:
            _command(session, number, body)
        assert caught.value.args[0] == 1227
        assert f'role "{name}" does not allow ' in caught.value.args[1]
        assert ask(session, "SELECT 1") == [(1,)]
    assert audit.one("mysql.command", error_code=1227)["command"] == command


@pytest.fixture(scope="module")
def replicating(artefacts: Path, mysql_servers: MysqlServers) -> Iterator[Keyless]:
    """Servers with a binary log: roles NAME, which may be replicas, and NAME-not."""
    with ExitStack() as stack:
        roles = []
        for name in _CLIENTS:
            settings = {"log-bin": _LOG.partition(".")[0], "skip-log-bin": "OFF", "server-id": "1"}
            if name != "mysql":
                del settings["skip-log-bin"]
            server = stack.enter_context(mysql_servers.fresh(name, settings=settings))
            account = PLUGINS[name][0]
            server.execute(f"GRANT REPLICATION SLAVE ON *.* TO '{account}'@'%'")
            server.execute("INSERT INTO app.notes VALUES (4711, 1, 'replicated words')")
            for role, option in ((name, "true"), (f"{name}-not", "false")):
                settings_text = f"replication = {option}"
                roles.append(mysql_role(role, server, account, settings=settings_text))
        yield stack.enter_context(Keyless(artefacts / "mysql-replicating", "".join(roles)))


@pytest.mark.parametrize("name", _CLIENTS)
def test_a_role_may_allow_replicas(replicating: Keyless, name: str) -> None:
    debian, program = _CLIENTS[name]
    program = f"{program}-binlog" if name == "mariadb" else f"{program}binlog"
    words = ("--read-from-remote-server", "--base64-output=decode-rows", "--verbose", _LOG)
    host, port = replicating.places[name]
    done = run(debian(), program, *words, host=host, port=port)
    assert "replicated words" in done.stdout, done.stderr
    host, port = replicating.places[f"{name}-not"]
    done = run(debian(), program, *words, host=host, port=port)
    assert "does not allow replication" in done.stderr
    assert "replicated words" not in done.stdout

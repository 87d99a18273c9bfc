"""What the audit tells of MySQL sessions: every statement, prepared or not, but no password."""

import subprocess
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

import pymysql
import pytest

from tests.end_to_end.mysql import ask, connect, mysql_role
from tests.keyless import COMMAND, Audit, Event, Keyless
from tests.protocols.mysql.conversation import execute
from tests.protocols.mysql.server import DEPRECATE_EOF
from tests.protocols.mysql.wire import Wire
from tests.secrecy import CANARY
from tests.servers.mysql import MysqlServers
from tests.servers.mysql_flavours import PLUGINS
from tests.servers.mysqld import MysqlServer
from tests.waiting import eventually

_BLOCKED = "SELECT 2 FROM accounts WHERE sleep(30)"
_WITH_PASSWORDS = (
    f"CREATE USER 'somebody'@'%' IDENTIFIED BY '{CANARY}'",
    f"ALTER USER somebody IDENTIFIED BY '{CANARY}'",
    f"SET PASSWORD FOR somebody = '{CANARY}'",
    f"/* a comment */ create user if not exists x identified by '{CANARY}'",
    f"DO 1; CREATE USER somebody IDENTIFIED BY '{CANARY}'",
    f"PREPARE one FROM 'CREATE USER somebody IDENTIFIED BY ''{CANARY}'''",
    f"GRANT ALL ON app.* TO somebody IDENTIFIED BY '{CANARY}'",
)
servers = pytest.mark.parametrize("name", PLUGINS)


@pytest.fixture(scope="module")
def keyless(artefacts: Path, mysql_servers: MysqlServers) -> Iterator[Keyless]:
    """Roles NAME for each server, and NAME-values, whose parameters are audited."""
    roles = []
    for name, plugins in PLUGINS.items():
        server = mysql_servers.running(name)
        settings = "audit_parameters = true"
        roles.append(mysql_role(name, server, plugins[0]))
        roles.append(mysql_role(f"{name}-values", server, plugins[0], settings=settings))
    with Keyless(artefacts / "mysql-audit", "".join(roles)) as running:
        yield running


def _told(audit: Audit) -> list[Event]:
    """The events of statements, once their session is over."""
    audit.wait("session.end")
    return audit.events("mysql.query")


@servers
def test_statements_and_what_came_of_them(keyless: Keyless, name: str) -> None:
    audit = keyless.audit()
    with closing(connect(keyless, name)) as session:
        ask(session, "CREATE TEMPORARY TABLE t (id int)")
        ask(session, "INSERT INTO t VALUES (1), (2), (3)")
        ask(session, "SELECT * FROM t")
        with pytest.raises(pymysql.err.ProgrammingError):
            ask(session, "SELECT * FROM no_such_table")
    events = {event["statement"]: event for event in _told(audit)}
    inserted = events["INSERT INTO t VALUES (1), (2), (3)"]
    assert (inserted["affected_rows"], inserted["rows"], inserted["error_code"]) == (3, 0, None)
    assert events["SELECT * FROM t"]["rows"] == 3
    failed = events["SELECT * FROM no_such_table"]
    assert (failed["error_code"], failed["sqlstate"], failed["finished"]) == (1146, "42S02", True)
    assert all(event["duration_ms"] > 0 for event in events.values())


@servers
@pytest.mark.parametrize("values", [True, False], ids=["told", "not told"])
def test_prepared_statements_and_their_values(keyless: Keyless, name: str, values: bool) -> None:
    audit = keyless.audit()
    statement = "SELECT owner FROM accounts WHERE id = ?"
    place = keyless.places[f"{name}-values" if values else name][1]
    with Wire(place, DEPRECATE_EOF) as client:
        answer = client.ask(b"\x16" + statement.encode())
        assert answer[:1] == b"\0"
        number = int.from_bytes(answer[1:5], "little")
        eventually(lambda: audit.events("mysql.prepare"))
        client.send(execute(number, b"\0\1\x08\0" + (7).to_bytes(8, "little")))
        eventually(lambda: audit.events("mysql.query"))
    (prepared,), (ran,) = audit.events("mysql.prepare"), _told(audit)
    assert (prepared["statement"], prepared["parameters"]) == (statement, 1)
    assert (ran["statement"], ran["protocol"], ran["rows"]) == (statement, "prepared", 1)
    assert ran["parameters"] == (["7"] if values else None)


@servers
def test_a_statement_that_its_client_does_not_wait_for(
    keyless: Keyless, mysql_servers: MysqlServers, name: str
) -> None:
    server = mysql_servers.running(name)
    audit = keyless.audit()
    session = connect(keyless, name)
    session._execute_command(pymysql.constants.COMMAND.COM_QUERY, _BLOCKED)
    eventually(lambda: _runs(server))
    session._force_close()
    assert audit.one("mysql.query", statement=_BLOCKED)["finished"] is False
    server.execute(f"KILL QUERY {session.thread_id()}")


def _runs(server: MysqlServer) -> bool:
    told = "SELECT 1 FROM information_schema.processlist WHERE info = %s"
    return bool(server.execute(told, _BLOCKED))


@servers
def test_passwords_in_statements_are_hidden(keyless: Keyless, name: str) -> None:
    """Whether upstream likes the statement or not, and whether it is prepared or not."""
    audit = keyless.audit()
    multi = pymysql.constants.CLIENT.MULTI_STATEMENTS
    with closing(connect(keyless, name, client_flag=multi, autocommit=None)) as session:
        for statement in _WITH_PASSWORDS:
            with suppress(pymysql.err.MySQLError), session.cursor() as cursor:
                cursor.execute(statement)
                while cursor.nextset():
                    pass
    with Wire(keyless.places[f"{name}-values"][1]) as client:
        client.ask(b"\x16" + _WITH_PASSWORDS[0].encode())
    audit.wait("session.end", 2)
    _, *told = audit.events("mysql.query")  # PyMySQL begins with SET NAMES
    for event, statement in zip(told, _WITH_PASSWORDS, strict=True):
        assert event["statement"][:8] == statement[:8]
    assert CANARY not in keyless.audit_path.read_text()


def test_the_audit_of_all_this_verifies(keyless: Keyless) -> None:
    command = [COMMAND, "audit", "verify", str(keyless.audit_path)]
    assert subprocess.run(command, capture_output=True, check=False, timeout=60).returncode == 0

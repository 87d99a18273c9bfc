"""The tap beside real servers: what the documentation does not say is as we take it to be.

Much is sent in one go, ahead of any answer, so that the server alone decides what it answers.
"""

import struct
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from protocols.mysql.capabilities import Capability, from_wire
from protocols.mysql.events import MysqlQuery
from protocols.mysql.login import MysqlOptions
from tests.protocols.mysql.conversation import (
    EXECUTE_LAST,
    PLAIN,
    Watched,
    close_statement,
    command,
    execute,
    fetch,
    long_data,
    prepare,
    query,
)
from tests.protocols.mysql.server import DEPRECATE_EOF, QUERY_ATTRIBUTES, packet
from tests.protocols.mysql.wire import Wire
from tests.servers.mysql import DATABASE
from tests.servers.mysqld import MysqlServer

_MULTI = (1 << 16) | (1 << 17) | (1 << 18)  # statements, results, results of prepared ones
_OPTIONAL_METADATA = 1 << 25
_MARIADB = 1 << 0 | 1 << 2 | 1 << 4 | 1 << 5  # progress, bulk, cached metadata, unit results
_SIX = "SELECT id FROM accounts WHERE id <= 6 ORDER BY id"
_INT, _TEXT, _NULL = b"\3\0", b"\xfd\0", b"\6\0"


class _Session:
    """A tap that is shown what a client says and the server answers."""

    def __init__(self, wire: Wire, capabilities: Capability) -> None:
        self._wire = wire
        self._watched = Watched(
            capabilities=capabilities, options=MysqlOptions(audit_parameters=True)
        )
        has_attributes = Capability.QUERY_ATTRIBUTES in capabilities
        self._last = query(b"\0\1" * has_attributes + b"SELECT 'last'")

    def say(self, *asked: bytes) -> list[MysqlQuery]:
        """Say all this and a query of ours, whose answer ends it; what is told of the others."""
        self._watched.events.clear()
        said = b"".join(asked) + self._last
        self._wire.send(said)
        self._watched.client(said)
        while (answer := self._wire.read())[1] != b"\4last":
            self._watched.upstream(packet(*answer))
        self._watched.upstream(packet(*answer) + packet(*self._wire.read()))
        assert not self._watched.tap.busy
        *told, last = self._watched.events
        assert last.statement == "SELECT 'last'"
        return told

    def prepare(self, sql: str, parameters: int = 0) -> int:
        assert self.say(prepare(sql)) == []
        told = self._watched.prepared.pop()
        assert (told.statement, told.parameters) == (sql, parameters)
        return told.statement_id

    @property
    def commands(self) -> list[tuple[str, str, int | None]]:
        return [(told.command, told.detail, told.error_code) for told in self._watched.commands]


@contextmanager
def _session(server: MysqlServer, capabilities: int, extension: int = 0) -> Iterator[_Session]:
    user, place = server.flavour.administrator, str(server.socket)
    with Wire(place, capabilities, user=user, database=DATABASE, extension=extension) as wire:
        yield _Session(wire, PLAIN | from_wire(capabilities | (not extension), extension))


@pytest.fixture(params=[_MULTI, _MULTI | DEPRECATE_EOF], ids=["eof", "no eof"])
def flags(request: pytest.FixtureRequest) -> int:
    value: int = request.param
    return value


@pytest.fixture
def session(any_mysql: MysqlServer, flags: int) -> Iterator[_Session]:
    with _session(any_mysql, flags) as session:
        yield session


@pytest.fixture(params=["mariadb", "latest_mariadb"])
def any_mariadb(request: pytest.FixtureRequest) -> MysqlServer:
    server: MysqlServer = request.getfixturevalue(request.param)
    return server


@pytest.mark.parametrize(
    ("sql", "rows", "error"),
    [
        ("SELECT 1", 1, None),
        (_SIX, 6, None),
        ("bogus", 0, 1064),
        ("", 0, 1065),
        ("DO 1; SELECT 1; SELECT 2 FROM dual WHERE 1 = 0; SELECT 3", 2, None),
        ("SELECT 1; bogus", 1, 1064),
        ("SELECT 1; SELECT nope; SELECT 2", 1, 1054),
        ("KILL 4294967295", 0, 1094),
        ("SIGNAL SQLSTATE '45000'", 0, 1644),
    ],
)
def test_statements(session: _Session, sql: str, rows: int, error: int | None) -> None:
    (event,) = session.say(query(sql))
    assert (event.statement, event.rows, event.error_code) == (sql, rows, error)


def test_what_changes_rows(session: _Session) -> None:
    events = session.say(
        query("CREATE TEMPORARY TABLE t (a int, b varchar(3))"),
        query("INSERT t VALUES (1, 'a'), (2, 'b'), (3, 'c')"),
        query("UPDATE t SET a = 9"),
        query("SET sql_mode = ''"),
        query("INSERT t VALUES (4, 'too long')"),
    )
    assert [event.affected_rows for event in events] == [0, 3, 3, 0, 1]
    assert [event.warnings for event in events] == [0, 0, 0, 0, 1]


def test_a_procedure_has_results_of_its_own(any_mysql: MysqlServer, flags: int) -> None:
    body = "BEGIN SELECT 1; SELECT 2 UNION SELECT 3; SET b = 4; END"
    any_mysql.execute(f"CREATE PROCEDURE results(OUT b int) {body}", database=DATABASE)
    try:
        with _session(any_mysql, flags) as session:
            (called,) = session.say(query("CALL results(@b)"))
            number = session.prepare("CALL results(?)", 1)
            (executed,) = session.say(execute(number, b"\1\1" + _NULL))
    finally:
        any_mysql.execute("DROP PROCEDURE results", database=DATABASE)
    assert (called.rows, called.error_code) == (3, None)
    assert (executed.rows, executed.parameters) == (4, (None,)), "and a row of what comes out"


def test_prepared_statements(session: _Session) -> None:
    sql = f"{_SIX} LIMIT ?"
    (failed,) = session.say(prepare("bogus"))
    assert (failed.command, failed.error_code) == ("COM_STMT_PREPARE", 1064)
    first, second = session.prepare(sql, 1), session.prepare("DO 1")
    three = execute(first, b"\0\0" + struct.pack("<i", 3))
    events = session.say(
        execute(first, b"\0\1" + _INT + struct.pack("<i", 2)),
        three,
        command(b"\x1a" + struct.pack("<I", first)),
        execute(second),
        close_statement(second),
        execute(second),
    )
    events += session.say(command(b"\x1f")) + session.say(three)
    assert [(e.statement, e.rows, e.parameters, e.error_code) for e in events] == [
        (sql, 2, ("2",), None),
        (sql, 3, ("3",), None),
        ("DO 1", 0, (), None),
        ("", 0, None, 1243),
        ("", 0, None, 1243),
    ]


def test_cursors(session: _Session) -> None:
    first, second = session.prepare(_SIX), session.prepare(_SIX)
    opened, fetched = execute(first, flags=1), fetch(first, 4)
    events = session.say(opened, fetched, fetched, fetched, execute(second))
    assert [(event.rows, event.error_code) for event in events] == [
        (0, None),
        (4, None),
        (2, None),
        (0, 1421),
        (6, None),
    ]


def test_long_data(session: _Session) -> None:
    number = session.prepare("SELECT length(?), ?", 2)
    data = long_data(number, 0, b"x" * 700) + long_data(number, 0, b"y" * 800)
    (event,) = session.say(data, execute(number, b"\0\1" + _TEXT * 2 + b"\2hi"))
    assert event.parameters == ("x" * 700 + "y" * 324, "hi")
    assert event.error_code is None


def test_other_commands(session: _Session) -> None:
    asked = [b"\x02mysql", b"\x02nowhere", b"\x04user\0User", b"\x04nothing\0", b"\x09", b"\x0e"]
    asked += [b"\x1b\1\0", b"\x0d", b"\x0c\xff\xff\xff\xff", b"\x1f", b"", b"\x0a"]
    assert session.say(*map(command, asked)) == []
    *told, listed = session.commands
    assert told == [
        ("COM_INIT_DB", "mysql", None),
        ("COM_INIT_DB", "nowhere", 1049),
        ("COM_FIELD_LIST", "user", None),
        ("COM_FIELD_LIST", "nothing", 1146),
        ("COM_SET_OPTION", "1", None),
        ("COM_DEBUG", "", None),
        ("COM_PROCESS_KILL", "4294967295", told[6][2]),
        ("COM_RESET_CONNECTION", "", None),
        ("COM_SLEEP", "", 1047),
    ]
    assert told[6][2] in (1094, 1047), "MySQL 9 knows the command no more"
    assert listed[0] == "COM_PROCESS_INFO"


def test_a_row_of_many_packets(mysql: MysqlServer, flags: int) -> None:
    with _session(mysql, flags) as session:
        events = session.say(query("SELECT repeat('x', 17000000), 1 UNION SELECT 'y', 2"))
    assert [(event.rows, event.error_code) for event in events] == [(2, None)]


def test_the_status_tells_of_backslashes(session: _Session) -> None:
    session.say(query("SET sql_mode = 'NO_BACKSLASH_ESCAPES'"))
    (event,) = session.say(query(r"SELECT 'x\', password = 's3cret'"))
    assert event.statement == r"SELECT 'x\', password = '***'"


def test_query_attributes(mysql: MysqlServer) -> None:
    attribute = b"\1\1\0\1" + _TEXT + b"\5trace\4abcd"
    named = b"\0\1" + _TEXT + b"\0" + _TEXT + b"\5trace" + b"\2hi\4abcd"
    with _session(mysql, _MULTI | QUERY_ATTRIBUTES) as session:
        first, second = session.prepare("SELECT ?", 1), session.prepare("SELECT 2")
        events = session.say(
            query(attribute + b"SELECT 1"),
            execute(first, b"\2" + named, flags=8),
            execute(first, b"\1\0\1" + _TEXT + b"\0\2yo"),
            execute(second, b"\1\0\1" + _TEXT + b"\5trace\4abcd", flags=8),
        )
    assert [(e.statement, e.rows, e.parameters, e.error_code) for e in events] == [
        ("SELECT 1", 1, None, None),
        ("SELECT ?", 1, ("hi",), None),
        ("SELECT ?", 1, ("yo",), None),
        ("SELECT 2", 1, (), None),
    ]


def test_metadata_left_out(mysql: MysqlServer, flags: int) -> None:
    with _session(mysql, flags | _OPTIONAL_METADATA) as session:
        (before,) = session.say(query(_SIX))
        session.say(query("SET resultset_metadata = NONE"))
        first, second = session.prepare(f"{_SIX} LIMIT ?", 1), session.prepare(_SIX)
        session.prepare("DO ?", 1)
        limited = execute(first, b"\0\1" + _INT + struct.pack("<i", 2))
        events = session.say(query(_SIX), limited, execute(second, flags=1), fetch(second, 9))
    assert before.rows == 6
    assert [(event.rows, event.error_code) for event in events] == [
        (6, None),
        (2, None),
        (0, None),
        (6, None),
    ]


def test_what_was_prepared_last_may_be_run_at_once(any_mariadb: MysqlServer, flags: int) -> None:
    with _session(any_mariadb, flags, _MARIADB) as session:
        run = execute(EXECUTE_LAST, b"\0\1" + _INT + struct.pack("<i", 2))
        events = session.say(prepare(f"{_SIX} LIMIT ?"), run, run)
        events += session.say(prepare("bogus"), execute(EXECUTE_LAST))
    assert [(e.statement[:6], e.rows, e.parameters, e.error_code) for e in events] == [
        ("SELECT", 2, ("2",), None),
        ("SELECT", 2, ("2",), None),
        ("bogus", 0, None, 1064),
        ("bogus", 0, None, 1243),
    ]


def test_bulk_execution_and_progress(any_mariadb: MysqlServer, flags: int) -> None:
    rows = b"\0" + struct.pack("<i", 1) + b"\0\1a" + b"\0" + struct.pack("<i", 2) + b"\1"
    bulk = command(b"\xfa" + struct.pack("<IH", EXECUTE_LAST, 0x80) + _INT + _TEXT + rows)
    with _session(any_mariadb, flags, _MARIADB) as session:
        session.say(query("CREATE TEMPORARY TABLE t (a int, b varchar(9)) ENGINE=MyISAM"))
        session.say(query("SET progress_report_time = 1"))
        inserted, altered = session.say(
            prepare("INSERT t VALUES (?, ?)"), bulk, query("ALTER TABLE t ADD c int, FORCE")
        )
    assert (inserted.affected_rows, inserted.parameters) == (2, (("1", "a"), ("2", None)))
    assert (altered.affected_rows, altered.error_code) == (2, None)

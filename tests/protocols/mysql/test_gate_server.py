"""Tap and gate between real clients and real servers: what is refused, changed and compressed."""

import struct
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pymysql
import pytest
from pymysql.constants import CLIENT

from protocols.mysql.events import MysqlCommand, MysqlQuery
from tests.protocols.mysql.proxied import ROLE, Proxied
from tests.protocols.mysql.server import packet
from tests.protocols.mysql.wire import Wire
from tests.servers.debian import Debian
from tests.servers.mysql import DATABASE
from tests.servers.mysql_flavours import PLUGINS, sid_mariadb, sid_mysql
from tests.servers.mysql_programs import run
from tests.servers.mysqld import MysqlServer

_BIG = 17_000_000
_MULTI = CLIENT.MULTI_STATEMENTS
_PLAIN_MYSQL = ("mysql", "--ssl-mode=DISABLED")
_PLAIN_MARIADB = ("mariadb", "--skip-ssl")


@contextmanager
def _proxied(server: MysqlServer, **options: Any) -> Iterator[Proxied]:
    name = {"mysqld": "mysql", "mariadbd": "mariadb"}[server.flavour.daemon]
    with Proxied(server.port, PLUGINS[name][0], database=DATABASE, **options) as proxied:
        yield proxied
    assert proxied.faults == []


def _connect(proxied: Proxied, **options: Any) -> "pymysql.Connection[Any]":
    return pymysql.connect(
        host="127.0.0.1", port=proxied.port, user=ROLE, password="not asked for", **options
    )


def _queries(proxied: Proxied) -> list[MysqlQuery]:
    """What clients asked of their own accord."""
    queries = [event for event in proxied.events if isinstance(event, MysqlQuery)]
    return [query for query in queries if not query.statement.startswith(("SET ", "select @@"))]


def _commands(proxied: Proxied) -> list[MysqlCommand]:
    return [event for event in proxied.events if isinstance(event, MysqlCommand)]


def test_statements_and_a_file_of_the_client(any_mysql: MysqlServer, tmp_path: Path) -> None:
    file = tmp_path / "o'brien.csv"
    file.write_text("1\n2\n3\n")
    sql = "LOAD DATA LOCAL INFILE '" + str(file).replace("'", r"\'") + "' INTO TABLE t"
    with (
        _proxied(any_mysql) as proxied,
        closing(
            _connect(proxied, local_infile=True, client_flag=CLIENT.MULTI_STATEMENTS)
        ) as client,
        client.cursor() as cursor,
    ):
        cursor.execute("CREATE TEMPORARY TABLE t (a int)")
        assert cursor.execute(sql) == 3
        cursor.execute("SELECT count(*) FROM t; SELECT 5; DELETE FROM t WHERE a < 3")
        assert cursor.fetchall() == ((3,),)
        while cursor.nextset():
            pass
        with pytest.raises(pymysql.err.ProgrammingError):
            cursor.execute("bogus")
    told = [(e.rows, e.affected_rows, e.loaded_bytes, e.error_code) for e in _queries(proxied)]
    assert told == [(0, 0, 0, None), (0, 3, 6, None), (2, 2, 0, None), (0, 0, 0, 1064)]


@pytest.mark.parametrize(
    ("payload", "sentence"),
    [
        (b"\x12" + struct.pack("<IHI", 4, 0, 7) + b"bin.1", "replication (COM_BINLOG_DUMP)"),
        (b"\x15" + struct.pack("<I", 7) + bytes(13), "replication (COM_REGISTER_SLAVE)"),
        (b"\x20", "COM_CLONE"),
        (b"\xfe\x03SELECT 1", "command 0xfe"),
        (b"", "COM_SLEEP"),
    ],
)
def test_a_refused_command_is_an_error_like_any_other(
    any_mysql: MysqlServer, payload: bytes, sentence: str
) -> None:
    with _proxied(any_mysql) as proxied, Wire(proxied.port) as wire:
        told = wire.ask(payload)
        assert told[:9] == b"\xff" + struct.pack("<H", 1227) + b"#42000"
        assert told[9:].decode() == f'role "{ROLE}" does not allow {sentence}'
        assert wire.ask(b"\x0e")[:1] == b"\0"
    assert [(event.error_code, event.sqlstate) for event in _commands(proxied)] == [(1227, "42000")]


def test_a_replica_is_served_where_the_role_allows_it(any_mysql: MysqlServer) -> None:
    with _proxied(any_mysql, replication=True) as proxied, Wire(proxied.port) as wire:
        told = wire.ask(b"\x12" + struct.pack("<IHI", 4, 0, 7) + b"bin.1")
        assert told[:1] == b"\xff", "the account may not, and says so itself"
    assert _commands(proxied)[0].error_code == struct.unpack_from("<H", told, 1)[0]


def _state(wire: Wire) -> list[bytes]:
    wire.send(packet(0, b"\x03SELECT database(), @x, @@character_set_client, connection_id()"))
    row: list[bytes] = []
    ends = 0
    while ends < 2:
        _, payload = wire.read()
        ends += payload[:1] == b"\xfe"
        row = _columns(payload) if ends == 1 and payload[:1] != b"\xfe" else row
    return row


def _columns(payload: bytes) -> list[bytes]:
    columns = []
    while payload:
        size = 0 if payload[0] == 0xFB else payload[0]
        columns.append(payload[1 : 1 + size])
        payload = payload[1 + size :]
    return columns


def test_a_change_of_user_leaves_a_fresh_session(any_mysql: MysqlServer) -> None:
    wanted = [("information_schema", 8, b"latin1"), ("", 45, b"utf8mb4")]
    with (
        _proxied(any_mysql, databases=("information_schema",)) as proxied,
        Wire(proxied.port) as wire,
    ):
        wire.ask(b"\x03SET @x = 'kept'")
        *_, thread = _state(wire)
        for database, charset, name in wanted:
            said = b"\x11bob\0\0" + database.encode() + b"\0" + struct.pack("<H", charset)
            assert wire.ask(said + b"mysql_native_password\0")[:1] == b"\xfe"
            wire.send(packet(2, b"p" * 20))
            number, ok = wire.read()
            assert (number, ok[:1]) == (3, b"\0")
            assert _state(wire) == [database.encode() or b"app", b"", name, thread]
        refused = wire.ask(b"\x11bob\0\0mysql\0\x2d\0mysql_native_password\0")
        assert refused[:9] == b"\xff" + struct.pack("<H", 1049) + b"#42000"
        assert _state(wire)[0] == b"app"
    assert [event.detail for event in _commands(proxied)] == ["bob"] * 3


@pytest.mark.parametrize(
    ("debian", "words"),
    [
        (sid_mysql, _PLAIN_MYSQL),
        (sid_mysql, (*_PLAIN_MYSQL, "--compression-algorithms=zlib")),
        (sid_mariadb, _PLAIN_MARIADB),
        (sid_mariadb, (*_PLAIN_MARIADB, "--compress")),
    ],
)
def test_programs_with_zlib_and_without(
    any_mysql: MysqlServer, tmp_path: Path, debian: Callable[[], Debian], words: tuple[str, ...]
) -> None:
    _run_program(any_mysql, tmp_path, debian(), *words)


def test_mysql_s_own_program_with_zstd(mysql: MysqlServer, tmp_path: Path) -> None:
    _run_program(mysql, tmp_path, sid_mysql(), *_PLAIN_MYSQL, "--compression-algorithms=zstd")


def _run_program(server: MysqlServer, tmp_path: Path, debian: Debian, *words: str) -> None:
    file = tmp_path / "rows.csv"
    file.write_text("".join(f"{number}\n" for number in range(50_000)))
    load = f"LOAD DATA LOCAL INFILE '{file}' INTO TABLE t"
    big = f"SELECT length('{'x' * 200_000}')"
    sql = f"CREATE TEMPORARY TABLE t (a int); {load}; SELECT * FROM t; {big}; bogus"
    with _proxied(server) as proxied:
        options = ("--local-infile=1", "--batch", "--skip-column-names", "--force")
        done = run(debian, *words, *options, port=proxied.port, stdin=sql)
    assert done.stdout.split() == [*map(str, range(50_000)), "200000"], done.stderr
    told = [(e.rows, e.affected_rows, e.loaded_bytes, e.error_code) for e in _queries(proxied)]
    assert told[-5:] == [
        (0, 0, 0, None),
        (0, 50_000, file.stat().st_size, None),
        (50_000, 0, 0, None),
        (1, 0, 0, None),
        (0, 0, 0, 1064),
    ]


def test_a_statement_of_many_packets(mysql: MysqlServer) -> None:
    sql = "SELECT length('" + "x" * _BIG + "')"
    with (
        _proxied(mysql) as proxied,
        closing(_connect(proxied, max_allowed_packet=1 << 26)) as client,
        client.cursor() as cursor,
    ):
        cursor.execute(sql)
        assert cursor.fetchall() == ((_BIG,),)
    event = _queries(proxied)[-1]
    assert (event.statement, event.statement_bytes) == (sql[:65_536], len(sql))

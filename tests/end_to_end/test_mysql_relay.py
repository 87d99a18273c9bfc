"""What passes through a MySQL session as it is: large packets, compressed bytes, files, results."""

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import pymysql
import pytest

from tests.end_to_end.conftest import StartKeyless
from tests.end_to_end.mysql import ask, connect, mysql_role
from tests.keyless import Keyless
from tests.servers.debian import Debian
from tests.servers.mysql import MysqlServers
from tests.servers.mysql_flavours import NATIVE, PLUGINS, sid_mariadb, sid_mysql
from tests.servers.mysql_programs import run
from tests.servers.mysqld import MysqlServer

_CHUNK = (1 << 24) - 1  # the most that a packet holds
_SIZES = (_CHUNK - 1, _CHUNK, _CHUNK + 1, 2 * _CHUNK, 40_000_000)
_LARGE = {"max-allowed-packet": "128M"}
_COMPRESSING: Mapping[str, tuple[Callable[[], Debian], str, str]] = {
    "mysql-zlib": (sid_mysql, "mysql", "--compression-algorithms=zlib"),
    "mysql-zstd": (sid_mysql, "mysql", "--compression-algorithms=zstd"),
    "latest_mariadb-zlib": (sid_mariadb, "mariadb", "--compress"),
}
servers = pytest.mark.parametrize("name", PLUGINS)


@pytest.fixture(scope="module")
def keyless(artefacts: Path, mysql_servers: MysqlServers) -> Iterator[Keyless]:
    """A role for each server, with its name; they take packets of 128 MiB."""
    with ExitStack() as stack:
        fresh = {name: mysql_servers.fresh(name, settings=_LARGE) for name in PLUGINS}
        running = {name: stack.enter_context(server) for name, server in fresh.items()}
        roles = [mysql_role(name, running[name], PLUGINS[name][0]) for name in PLUGINS]
        yield stack.enter_context(Keyless(artefacts / "mysql-relay", "".join(roles)))


@servers
@pytest.mark.parametrize("size", _SIZES)
def test_large_packets_pass_both_ways(keyless: Keyless, name: str, size: int) -> None:
    """Also those that fill their last chunk, which an empty one must follow."""
    audit = keyless.audit()
    options = {"ssl_disabled": True, "max_allowed_packet": 1 << 27}
    with closing(connect(keyless, name, **options)) as session:
        text = "x" * (size - len("\3SELECT ''"))
        assert ask(session, f"SELECT '{text}'") == [(text,)]
        assert ask(session, "SELECT repeat('y', %s)", [size]) == [("y" * size,)]
        assert ask(session, "SELECT 1") == [(1,)]
    first, second, third = audit.wait("mysql.query", 3, rows=1)
    assert (first["statement_bytes"], len(first["statement"])) == (size - 1, 1 << 16)
    assert second["statement"] == f"SELECT repeat('y', {size})"
    assert (third["statement"], third["statement_sha256"]) == ("SELECT 1", None)


@pytest.mark.parametrize("how", _COMPRESSING)
def test_compressed_sessions_pass_and_are_audited(keyless: Keyless, how: str) -> None:
    debian, program, option = _COMPRESSING[how]
    role = how.rpartition("-")[0]
    host, port = keyless.places[role]
    audit = keyless.audit()
    noise = os.urandom(3_000_000).hex()  # of which compression makes half
    script = f"SELECT '{noise}';\nSELECT repeat('z', 20000000);\nSELECT 'last';\n"
    words = (option, "--batch", "--skip-column-names", "--max-allowed-packet=128M")
    done = run(debian(), program, *words, host=host, port=port, stdin=script)
    assert done.stdout == f"{noise}\n{'z' * 20_000_000}\nlast\n", done.stderr
    assert audit.one("mysql.query", statement="SELECT 'last'")["rows"] == 1
    told = audit.one("mysql.query", statement_bytes=len(noise) + len("SELECT ''"))
    assert told["statement"].startswith(f"SELECT '{noise[:100]}")


@servers
def test_several_results_of_one_statement(keyless: Keyless, name: str) -> None:
    audit = keyless.audit()
    options = {"client_flag": pymysql.constants.CLIENT.MULTI_STATEMENTS}
    with closing(connect(keyless, name, **options)) as session, session.cursor() as cursor:
        cursor.execute("SELECT 1; DO 0; SELECT id FROM accounts WHERE id < 4; SELECT nonsense")
        told = [cursor.fetchall()]
        while True:
            try:
                if not cursor.nextset():
                    break
            except pymysql.err.OperationalError as error:
                told.append(error.args[0])
                break
            told.append(cursor.fetchall())
        assert ask(session, "SELECT 2") == [(2,)]
    assert told == [((1,),), [], ((1,), (2,), (3,)), 1054]
    event = audit.one("mysql.query", error_code=1054)
    assert (event["rows"], event["sqlstate"], event["finished"]) == (4, "42S22", True)


@servers
@pytest.mark.parametrize("options", [{}, {"ssl_disabled": True}], ids=["tls", "plain"])
def test_a_clients_file_is_loaded(
    keyless: Keyless, tmp_path: Path, name: str, options: Mapping[str, Any]
) -> None:
    file = tmp_path / "notes.txt"
    size = file.write_text("".join(f"{n}\t7\t{'n' * 100}\n" for n in range(1000, 60_000)))
    audit = keyless.audit()
    with closing(connect(keyless, name, local_infile=True, **options)) as session:
        ask(session, "CREATE TABLE loaded LIKE notes")
        try:
            statement = f"LOAD DATA LOCAL INFILE '{file}' INTO TABLE loaded"
            ask(session, statement)
            assert ask(session, "SELECT count(*), sum(id) FROM loaded") == [
                (59_000, sum(range(1000, 60_000)))
            ]
        finally:
            ask(session, "DROP TABLE loaded")
    event = audit.one("mysql.query", statement=statement)
    assert (event["loaded_bytes"], event["affected_rows"]) == (size, 59_000)


@servers
def test_an_empty_file_and_one_that_is_not_there(
    keyless: Keyless, tmp_path: Path, name: str
) -> None:
    empty = tmp_path / "empty"
    empty.touch()
    with closing(connect(keyless, name, local_infile=True)) as session:
        ask(session, f"LOAD DATA LOCAL INFILE '{empty}' INTO TABLE notes")
        with pytest.raises(pymysql.err.OperationalError):
            ask(session, "LOAD DATA LOCAL INFILE '/nonexistent' INTO TABLE notes")
    with closing(connect(keyless, name)) as session:
        assert ask(session, "SELECT count(*) FROM notes") == [(10,)]


def test_a_role_may_forbid_files(mariadb: MysqlServer, start_keyless: StartKeyless) -> None:
    role = mysql_role("app", mariadb, NATIVE, settings="local_infile = false")
    keyless = start_keyless(role)
    audit = keyless.audit()
    statement = "LOAD DATA LOCAL INFILE '/etc/hostname' INTO TABLE notes"
    with closing(connect(keyless, "app", local_infile=True)) as session:
        with pytest.raises(pymysql.err.MySQLError):
            ask(session, statement)
        assert ask(session, "SELECT 1") == [(1,)]
    assert audit.one("mysql.query", statement=statement)["error_code"] is not None


@servers
def test_rows_come_while_the_client_reads_them(keyless: Keyless, name: str) -> None:
    """A result far larger than what Keyless would hold is read by a client that stops at times."""
    with (
        closing(connect(keyless, name)) as session,
        session.cursor(pymysql.cursors.SSCursor) as cursor,
    ):
        cursor.execute("SELECT a.id, repeat('r', 1000) FROM accounts a, accounts b, notes c")
        rows = sum(len(text) == 1000 for _, text in cursor)
    assert rows == 100_000

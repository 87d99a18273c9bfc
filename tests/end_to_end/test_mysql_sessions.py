"""MySQL sessions as a whole: in crowds, over sockets, through crashes, and to their end."""

import signal
import threading
from collections.abc import Iterator
from contextlib import ExitStack, closing

import pymysql
import pytest

from tests.end_to_end.conftest import StartKeyless
from tests.end_to_end.mysql import ask, connect, mysql_role, refused
from tests.servers.mysql import MysqlServers
from tests.servers.mysql_flavours import NATIVE, PLUGINS, sid_mariadb, sid_mysql
from tests.servers.mysql_programs import run
from tests.servers.mysqld import MysqlServer
from tests.waiting import eventually

_CROWD = 30
servers = pytest.mark.parametrize("name", PLUGINS)


@pytest.fixture
def server(request: pytest.FixtureRequest, mysql_servers: MysqlServers) -> Iterator[MysqlServer]:
    """Of the test's own, by the test's `name`."""
    with mysql_servers.fresh(request.node.callspec.params["name"]) as fresh:
        yield fresh


def _last_words(session: object) -> tuple[int, str]:
    with pytest.raises(pymysql.err.MySQLError) as caught:
        ask(session, "SELECT 1")
    code, sentence = caught.value.args
    return code, sentence


@servers
def test_a_crowd(mysql_servers: MysqlServers, start_keyless: StartKeyless, name: str) -> None:
    """Everybody is in at once, and each asks and is answered by their own session."""
    role = mysql_role("app", mysql_servers.running(name), PLUGINS[name][0])
    keyless = start_keyless(role)
    right: list[bool] = []
    everybody = threading.Barrier(_CROWD)

    def visit(number: int) -> None:
        with closing(connect(keyless, "app")) as session:
            everybody.wait(60)
            answers = [ask(session, f"SELECT {number}, connection_id()") for _ in range(20)]
            right.append(answers == [[(number, session.thread_id())]] * 20)

    visitors = [threading.Thread(target=visit, args=(number,)) for number in range(_CROWD)]
    for visitor in visitors:
        visitor.start()
    for visitor in visitors:
        visitor.join(60)
    assert right == [True] * _CROWD


@servers
def test_a_server_that_crashes_and_comes_back(
    server: MysqlServer, start_keyless: StartKeyless, name: str
) -> None:
    keyless = start_keyless(mysql_role("app", server, PLUGINS[name][0]))
    audit = keyless.audit()
    session = connect(keyless, "app")
    server.kill()
    with pytest.raises(pymysql.err.MySQLError):
        ask(session, "SELECT 1")
    assert refused(keyless, "app") == (1105, 'upstream of role "app" cannot be reached')
    assert audit.one("session.end")["ended_by"] == "upstream"
    server.start()
    with closing(connect(keyless, "app")) as again:
        assert ask(again, "SELECT count(*) FROM accounts") == [(100,)]


@servers
def test_clients_are_told_when_the_proxy_stops(
    mysql_servers: MysqlServers, start_keyless: StartKeyless, name: str
) -> None:
    """One that asks nothing at once, one that is answered first after its answer."""
    role = mysql_role("app", mysql_servers.running(name), PLUGINS[name][0])
    keyless = start_keyless("[timeouts]\nshutdown = 30\n" + role)
    audit = keyless.audit()
    idle, busy = connect(keyless, "app"), connect(keyless, "app")
    busy._execute_command(pymysql.constants.COMMAND.COM_QUERY, "SELECT sleep(1.5)")
    keyless.process.send_signal(signal.SIGTERM)
    audit.one("session.end", ended_by="proxy")
    assert _last_words(idle) == (1053, "the proxy is shutting down")
    busy._read_query_result()
    assert busy._result.rows == ((0,),)
    audit.wait("session.end", 2, ended_by="proxy")
    assert _last_words(busy) == (1053, "the proxy is shutting down")
    assert keyless.process.wait(15) == 0


@servers
def test_idle_sessions_are_told_too(
    mysql_servers: MysqlServers, start_keyless: StartKeyless, name: str
) -> None:
    role = mysql_role("app", mysql_servers.running(name), PLUGINS[name][0])
    keyless = start_keyless("[timeouts]\nidle = 1\n" + role)
    audit = keyless.audit()
    session = connect(keyless, "app")
    assert ask(session, "SELECT sleep(2)") == [(0,)]
    audit.one("session.end", ended_by="proxy")
    assert _last_words(session) == (1927, "the session was idle for 1 s")


def test_more_sessions_than_the_limit(mariadb: MysqlServer, start_keyless: StartKeyless) -> None:
    keyless = start_keyless("[limits]\nsessions = 2\n" + mysql_role("app", mariadb, NATIVE))
    with ExitStack() as stack:
        for _ in range(2):
            stack.enter_context(closing(connect(keyless, "app")))
        assert refused(keyless, "app") == (1040, "all 2 sessions are taken; try again later")
    eventually(lambda: keyless.audit_path.read_text().count('"session.end"') == 2)
    with closing(connect(keyless, "app")) as again:
        assert ask(again, "SELECT 1") == [(1,)]


@pytest.mark.parametrize(("name", "program"), [("mysql", "mysql"), ("latest_mariadb", "mariadb")])
def test_clients_come_by_a_unix_socket(
    mysql_servers: MysqlServers,
    start_keyless: StartKeyless,
    tmp_path_factory: pytest.TempPathFactory,
    name: str,
    program: str,
) -> None:
    """Its folder is all that is named; the socket in it is called as the server's own."""
    folder = tmp_path_factory.mktemp("socket")
    role = mysql_role("app", mysql_servers.running(name), PLUGINS[name][0], listen=f"unix:{folder}")
    keyless = start_keyless(role)
    debian = sid_mysql() if program == "mysql" else sid_mariadb()
    query = "SELECT count(*) FROM accounts"
    place = str(folder / "mysqld.sock")
    assert keyless.places["app"] == (place, 0)
    words = ("--batch", "--skip-column-names", f"--execute={query}")
    done = run(debian, program, *words, host=place, port=0)
    assert done.stdout == "100\n", done.stderr
    with closing(pymysql.connect(unix_socket=place, user="joe")) as session:
        assert ask(session, query) == [(100,)]

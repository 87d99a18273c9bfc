"""Real MySQL and MariaDB servers for the tests: each that Debian has, and every way to log in.

Every server has `tls_user`, which must use TLS, and `cert_user`, which must show a certificate; the
other accounts have their plugin's name. Their password is the canary and their database `app`.
Every server has TLS, and is who it says at 127.0.0.1 and localhost, but not at 127.0.0.2.
"""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from functools import cache
from pathlib import Path
from types import MappingProxyType

import pytest

from tests.servers.authority import Authority
from tests.servers.mysql_flavours import FLAVOURS, PLUGINS
from tests.servers.mysqld import MysqlServer

DATABASE = "app"
_NOTHING: Mapping[str, str] = MappingProxyType({})
_TABLES = """
CREATE TABLE accounts (id int PRIMARY KEY, owner text NOT NULL, balance decimal(12, 2) NOT NULL);
INSERT INTO accounts WITH RECURSIVE ids AS (SELECT 1 AS id UNION SELECT id + 1 FROM ids
    WHERE id < 100) SELECT id, concat('owner ', id), id * 10 FROM ids;
CREATE TABLE notes (id int PRIMARY KEY, account int NOT NULL REFERENCES accounts (id), body text);
INSERT INTO notes SELECT id, id, repeat('x', id) FROM accounts WHERE id <= 10;
"""


class MysqlServers:
    """Starts servers as they are asked for, each a copy of one that was set up once."""

    def __init__(self, stack: ExitStack, authority: Authority) -> None:
        self._stack = stack
        self._authority = authority
        self._certificate = authority.issue("server", "localhost", "127.0.0.1")
        self.running = cache(self._running)
        self._template = cache(self._make_template)

    def fresh(self, name: str, *, settings: Mapping[str, str] = _NOTHING) -> MysqlServer:
        """A server of the test's own, to enter with `with`, to stop and to break."""
        return self._server(name, settings, self._template(name))

    def _running(self, name: str) -> MysqlServer:
        return self._stack.enter_context(self.fresh(name))

    def _make_template(self, name: str) -> Path:
        server = self._stack.enter_context(self._server(name, _NOTHING, None))
        server.execute(f"CREATE DATABASE {DATABASE}")
        server.execute(_TABLES, database=DATABASE)
        plugins = PLUGINS[name]
        for plugin in plugins:
            server.create_user(plugin, plugin)
        server.create_user("tls_user", plugins[0], require="SSL")
        server.create_user("cert_user", plugins[0], require="X509")
        for user in (*plugins, "tls_user", "cert_user"):
            server.execute(f"GRANT ALL ON {DATABASE}.* TO '{user}'@'%'")
        server.stop()
        return server.data

    def _server(self, name: str, settings: Mapping[str, str], template: Path | None) -> MysqlServer:
        return MysqlServer(
            FLAVOURS[name](),
            certificate=self._certificate,
            clients=self._authority.pem,
            settings=settings,
            template=template,
        )


@pytest.fixture(scope="session")
def mysql_servers(authority: Authority) -> Iterator[MysqlServers]:
    with ExitStack() as stack:
        yield MysqlServers(stack, authority)


@pytest.fixture(scope="session", params=PLUGINS)
def any_mysql(request: pytest.FixtureRequest, mysql_servers: MysqlServers) -> MysqlServer:
    """Each server in turn. A test leaves it as it found it."""
    return mysql_servers.running(request.param)


@pytest.fixture(scope="session")
def mysql(mysql_servers: MysqlServers) -> MysqlServer:
    """MySQL 9. A test leaves it as it found it."""
    return mysql_servers.running("mysql")


@pytest.fixture(scope="session")
def mariadb(mysql_servers: MysqlServers) -> MysqlServer:
    """This machine's own MariaDB. A test leaves it as it found it."""
    return mysql_servers.running("mariadb")


@pytest.fixture(scope="session")
def latest_mariadb(mysql_servers: MysqlServers) -> MysqlServer:
    """A MariaDB that has every plugin. A test leaves it as it found it."""
    return mysql_servers.running("latest_mariadb")

"""The databases under a storm, each with one account whose password their administrator changes."""

import tempfile
from collections.abc import Callable, Mapping
from contextlib import ExitStack, closing
from pathlib import Path
from types import MappingProxyType
from typing import LiteralString, Protocol

import psycopg
from psycopg import sql

from proxy.demo.postgres import EmbeddedPostgres, bundled
from tests.servers.authority import Authority
from tests.servers.mysql_flavours import FLAVOURS, PLUGINS
from tests.servers.mysqld import MysqlServer


class Account(Protocol):
    """An account that logs in by its password."""

    def change(self, password: str) -> None: ...

    def close(self) -> None:
        """Drop it."""


class Database(Protocol):
    """A running server. `variables` are what else a role's environment says of it."""

    kind: str
    port: int
    variables: Mapping[str, str]

    def account(self, user: str) -> Account: ...


class PostgresAccount:
    """A role that may log in."""

    def __init__(self, server: EmbeddedPostgres, user: str) -> None:
        self._user = sql.Identifier(user)
        self._database = psycopg.connect(
            host=str(server.socket_directory),
            port=server.port,
            user="postgres",
            dbname="postgres",
            autocommit=True,
        )
        self._execute("CREATE ROLE {} LOGIN")

    def change(self, password: str) -> None:
        self._execute("ALTER ROLE {} PASSWORD {}", sql.Literal(password))

    def close(self) -> None:
        self._execute("DROP ROLE {}")
        self._database.close()

    def _execute(self, statement: LiteralString, *values: sql.Literal) -> None:
        self._database.execute(sql.SQL(statement).format(self._user, *values))


class MysqlAccount:
    """A user from everywhere, by the server's first plugin."""

    def __init__(self, server: MysqlServer, plugin: str, user: str) -> None:
        self._server = server
        self._user = user
        server.create_user(user, plugin)

    def change(self, password: str) -> None:
        self._server.set_password(self._user, password)

    def close(self) -> None:
        self._server.execute(f"DROP USER '{self._user}'@'%'")


class _Postgres:
    kind = "postgres"
    variables: Mapping[str, str] = MappingProxyType({"DB": "postgres"})

    def __init__(self, stack: ExitStack, connections: int) -> None:
        binaries = bundled()
        settings = {"max_connections": str(connections)}
        server = EmbeddedPostgres(binaries[max(binaries)], settings=settings)
        self._server = stack.enter_context(server)
        self.port = server.port

    def account(self, user: str) -> Account:
        return PostgresAccount(self._server, user)


class _Mysql:
    kind = "mysql"
    variables: Mapping[str, str] = MappingProxyType({"SSLMODE": "require"})

    def __init__(self, stack: ExitStack, connections: int, name: str) -> None:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="storm-"))
        authority = Authority(Path(folder))
        server = MysqlServer(
            FLAVOURS[name](),
            certificate=authority.issue("server", "localhost", "127.0.0.1"),
            clients=authority.pem,
            settings={"max-connections": str(connections)},
        )
        self._plugin = PLUGINS[name][0]
        self._server = stack.enter_context(server)
        self.port = server.port

    def account(self, user: str) -> Account:
        return MysqlAccount(self._server, self._plugin, user)


DATABASES: Mapping[str, Callable[[ExitStack, int], Database]] = MappingProxyType(
    {
        "postgres": _Postgres,
        "mysql": lambda stack, connections: _Mysql(stack, connections, "mysql"),
        "mariadb": lambda stack, connections: _Mysql(stack, connections, "mariadb"),
    }
)
"""By name: how to start one that takes so many connections."""


def account(stack: ExitStack, database: Database, user: str) -> Account:
    """An account that is dropped when the stack ends."""
    return stack.enter_context(closing(database.account(user)))

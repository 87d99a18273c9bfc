"""What the end-to-end tests of MySQL roles share: a role's table, and PyMySQL as its client."""

from collections.abc import Sequence
from typing import Any

import pymysql
import pytest

from tests.keyless import Keyless, role
from tests.servers.mysql import DATABASE
from tests.servers.mysqld import MysqlServer


def mysql_role(name: str, server: MysqlServer | int, user: str, **more: Any) -> str:
    """A role that logs in to `server` (or a port) as `user`, with some settings changed."""
    port = server if isinstance(server, int) else server.port
    return role(name, port, **({"kind": "mysql", "USER": user, "DB": DATABASE} | more))


def connect(keyless: Keyless, name: str, **options: Any) -> Any:
    """As a client of the role, by TLS and without a password unless `options` say otherwise."""
    host, port = keyless.places[name]
    usual = {"host": host, "port": port, "user": "joe", "autocommit": True}
    return pymysql.connect(**(usual | options))


def ask(session: Any, sql: str, values: Sequence[Any] | None = None) -> list[tuple[Any, ...]]:
    """The rows of a statement."""
    with session.cursor() as cursor:
        cursor.execute(sql, values)
        return list(cursor.fetchall())


def refused(keyless: Keyless, name: str, **options: Any) -> tuple[int, str]:
    """The error number and sentence that a client is given instead of a session."""
    with pytest.raises(pymysql.err.MySQLError) as caught:
        connect(keyless, name, **options)
    code, sentence = caught.value.args
    return code, sentence

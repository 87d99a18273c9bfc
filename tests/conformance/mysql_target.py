"""A target of MySQL's family: statements that prepare it for a suite, and its programs' options."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pymysql

from tests.conformance.target import Target
from tests.conformance.upstreams import ACCOUNT

_KEPT = ("mysql", "information_schema", "performance_schema", "sys", "mtr", ACCOUNT)
_DATABASES = "SELECT schema_name FROM information_schema.schemata"
_USERS = "SELECT user, host FROM mysql.user WHERE user NOT IN ('root', 'mariadb.sys')"


def execute(target: Target, *statements: str) -> None:
    """Run statements before a suite begins, or between its tests."""
    with _session(target) as cursor:
        for statement in statements:
            cursor.execute(statement)


def without_password(target: Target) -> Target:
    """The same for suites that know of no password: directly, it is taken from the account."""
    if target.direct:
        execute(target, f"SET PASSWORD FOR '{target.user}'@localhost = ''")
    return replace(target, password=None)


def reset(target: Target, database: str) -> None:
    """Sweep the server: an empty database of this name and no other, and no user but its own."""
    with _session(target) as cursor:
        cursor.execute(_DATABASES)
        for (name,) in cursor.fetchall():
            if name.lower() not in _KEPT:
                cursor.execute(f"DROP DATABASE `{name}`")
        cursor.execute(_USERS)
        for user, host in cursor.fetchall():
            if not user.startswith("mysql."):
                cursor.execute("DROP USER %s@%s", (user, host))
        cursor.execute(f"CREATE DATABASE {database}")


@contextmanager
def _session(target: Target) -> Iterator[Any]:
    session = pymysql.connect(
        host=target.host,
        port=target.port,
        user=target.user,
        password=target.password or "",
        autocommit=True,
    )
    with closing(session), session.cursor() as cursor:
        yield cursor


@contextmanager
def option_file(target: Target) -> Iterator[Path]:
    """A my.cnf that leads clients to the target. It is gone afterwards, for it has the password."""
    with TemporaryDirectory(prefix="keyless-") as folder:
        file = Path(folder) / "my.cnf"
        file.touch(0o600)
        place = f"host={target.host}\nport={target.port}\nuser={target.user}\n"
        password = f'password="{target.password}"\n' if target.password else ""
        file.write_text(f"[client]\n{place}{password}")
        yield file

"""PyMySQL's own tests, from the last of its source distributions that holds them.

They are for that version of PyMySQL, which speaks the protocol as any does: cursors of every kind,
LOCAL INFILE, several results, and what its users once reported.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.conformance import programs, pytests
from tests.conformance.mysql_target import execute
from tests.conformance.suite import Results, Suite
from tests.conformance.target import Target

_VERSION = "0.10.1"
_TOOLS = ("cryptography", *pytests.REQUIREMENTS)
_DATABASES = ("test1", "test2")


class Pymysql(Suite):
    """Its tests use the databases that a file beside them names."""

    name = "pymysql"
    about = "the tests of a Python client that speaks the protocol itself"
    kind = "mysql"
    server = "mysql"

    def prepare(self, cache: Path) -> str:
        self._python = programs.virtual_environment(cache / "python", *_TOOLS)
        self._sources = programs.source_distribution(f"pymysql=={_VERSION}", cache)
        return _VERSION

    def run(self, target: Target, folder: Path) -> Results:
        execute(target, *(f"CREATE DATABASE {name}" for name in _DATABASES))
        tests = self._sources / "pymysql/tests"
        with _databases(target, tests / "databases.json"):
            return pytests.run(
                *(self._python, str(tests)),
                folder=self._sources,
                logs=folder,
                environment=programs.environment({"PYTHONPATH": str(self._sources)}),
                seconds=self.seconds,
            )


@contextmanager
def _databases(target: Target, file: Path) -> Iterator[None]:
    """The file, which is gone afterwards, for it has the password."""
    login = {"host": target.host, "port": target.port, "user": target.user}
    login |= {"password": target.password or "", "local_infile": True}
    file.touch(0o600)
    file.write_text(json.dumps([{**login, "db": name} for name in _DATABASES]))
    try:
        yield
    finally:
        file.unlink()


SUITE = Pymysql()

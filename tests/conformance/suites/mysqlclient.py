"""mysqlclient's own tests, from its source distribution.

It is Python's client on the C library of whichever server its headers come from: Debian's are
MariaDB's. Its tests are for types, cursors, errors, and what Python's DB API promises.
"""

from pathlib import Path

from tests.conformance import programs, pytests
from tests.conformance.mysql_target import execute, option_file
from tests.conformance.suite import Results, Suite
from tests.conformance.target import Target

_VERSION = "2.3.1"
_DATABASE = "test"


class Mysqlclient(Suite):
    """Its tests use the server that an option file leads to."""

    name = "mysqlclient"
    about = "the tests of Python's client on MariaDB's library in C"
    kind = "mysql"
    server = "mysql"

    def prepare(self, cache: Path) -> str:
        programs.need("mariadb_config", "libmariadb-dev and a C compiler")
        requirement = f"mysqlclient=={_VERSION}"
        self._python = programs.virtual_environment(
            cache / "python", requirement, *pytests.REQUIREMENTS
        )
        self._tests = programs.source_distribution(requirement, cache) / "tests"
        return _VERSION

    def run(self, target: Target, folder: Path) -> Results:
        execute(target, f"CREATE DATABASE {_DATABASE}")
        with option_file(target) as file:
            more = f"database={_DATABASE}\ndefault-character-set=utf8mb4\n"
            file.write_text(file.read_text() + more)
            return pytests.run(
                *(self._python, str(self._tests)),
                folder=folder,
                logs=folder,
                environment=programs.environment({"TESTDB": str(file)}),
                seconds=self.seconds,
            )


SUITE = Mysqlclient()

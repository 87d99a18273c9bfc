"""psycopg2's own tests, from its source distribution, for the package that PyPI has built of it.

It is what much of Python still connects with: simple queries above all, COPY, large objects,
named cursors, asynchronous connections, notifications, two-phase commit, and replication.
"""

from pathlib import Path
from types import MappingProxyType

from tests.conformance import programs, pytests
from tests.conformance.suite import Results, Suite
from tests.conformance.target import Target

_VERSION = "2.9.13"


class Psycopg2(Suite):
    """Its tests have variables of their own for the server."""

    name = "psycopg2"
    about = "the tests of Python's older client on libpq"
    settings = MappingProxyType({"wal_level": "logical", "max_prepared_transactions": "10"})
    seconds = 900
    options = MappingProxyType({"replication": True})

    def prepare(self, cache: Path) -> str:
        tested = f"psycopg2-binary=={_VERSION}"
        self._python = programs.virtual_environment(cache / "python", tested, *pytests.REQUIREMENTS)
        self._tests = programs.source_distribution(f"psycopg2=={_VERSION}", cache) / "tests"
        return _VERSION

    def run(self, target: Target, folder: Path) -> Results:
        own = {
            "PSYCOPG2_TESTDB": target.database,
            "PSYCOPG2_TEST_REPL_DSN": "",  # the same as all others'
        }
        return pytests.run(
            *(self._python, str(self._tests)),
            folder=folder,
            logs=folder,
            environment=programs.environment(target.libpq() | own),
            seconds=self.seconds,
        )


SUITE = Psycopg2()

"""The tests of MySQL's own Python connector, from its source distribution.

They run with both of its halves: Python that speaks the protocol itself, also with asyncio, and
MySQL's client library in C.
"""

import re
from collections.abc import Iterator
from pathlib import Path

from tests.conformance import programs
from tests.conformance.suite import Outcome, Results, Status, Suite, SuiteError
from tests.conformance.target import Target

_VERSION = "9.7.0"  # the last whose wheel brings the OpenSSL that it needs
_TOLD = re.compile(r"^([\w.]+) \.\.\. (?:.* )?(ok|FAIL|ERROR|skipped)$", re.M)
_STATUS = {"ok": Status.PASSED, "skipped": Status.SKIPPED}
_OPTIONS = ("--use-external-server", "--skip-install", "--verbosity=2")


class MysqlConnectorPython(Suite):
    """Its tests make a database of their own."""

    name = "mysql-connector-python"
    about = "the tests of MySQL's own Python connector, in Python and in C"
    kind = "mysql"
    server = "mysql"
    seconds = 1800

    def prepare(self, cache: Path) -> str:
        requirement = f"mysql-connector-python=={_VERSION}"
        self._python = programs.virtual_environment(cache / "python", requirement, "cryptography")
        self._sources = programs.source_distribution(requirement, cache)
        return _VERSION

    def run(self, target: Target, folder: Path) -> Results:
        log = folder / "unittests.log"
        place = f"--host={target.host}", f"--port={target.port}", f"--user={target.user}"
        programs.run(
            [self._python, "unittests.py", *_OPTIONS, *place],
            folder=self._sources,
            environment=programs.environment(
                {"MYSQL_PASSWORD": target.password or "", "PYTHONFAULTHANDLER": "1"}
            ),
            seconds=self.seconds,
            log=log,
        )
        if results := dict(_outcomes(log.read_text(errors="replace"))):
            return results
        raise SuiteError(f"no test told how it ended: see {log}")


def _outcomes(log: str) -> Iterator[tuple[str, Outcome]]:
    for test, verdict in _TOLD.findall(log):
        yield test, Outcome(_STATUS.get(verdict, Status.FAILED))


SUITE = MysqlConnectorPython()

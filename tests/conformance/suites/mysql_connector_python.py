"""The tests of MySQL's own Python connector, from its source distribution.

They run with both of its halves: Python that speaks the protocol itself, also with asyncio, and
MySQL's client library in C.
"""

import re
from collections.abc import Iterator
from pathlib import Path

from tests.conformance import programs
from tests.conformance.explained import Explanation
from tests.conformance.suite import Outcome, Results, Status, Suite, SuiteError
from tests.conformance.target import Target

_VERSION = "9.7.0"  # the last whose wheel brings the OpenSSL that it needs
_TEST = r"^[\w.]+ \.\.\. "
_TOLD = re.compile(  # between a test's name and its end stands what it logged meanwhile
    rf"(?P<test>{_TEST})(?:(?!{_TEST}).)*?(?<!\S)(?P<end>ok|FAIL|ERROR|skipped)$", re.M | re.S
)
_STATUS = {"ok": Status.PASSED, "skipped": Status.SKIPPED}
_OPTIONS = ("--use-external-server", "--skip-install", "--verbosity=2")


class MysqlConnectorPython(Suite):
    """Its tests make a database of their own."""

    name = "mysql-connector-python"
    about = "the tests of MySQL's own Python connector, in Python and in C"
    kind = "mysql"
    server = "mysql"
    seconds = 1800
    explained = tuple(
        Explanation(
            test,
            "It asks the server whether there is TLS: between Keyless and the server there is.",
        )
        for test in (
            "bugs.Bug26484601.test_get_connection_using_given_TLS_version",
            "connection.WL14852.test_giving_ssl_disable_does_not_raise_error",
        )
    )

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
    for told in _TOLD.finditer(log):
        yield told["test"].split()[0], Outcome(_STATUS.get(told["end"], Status.FAILED))


SUITE = MysqlConnectorPython()

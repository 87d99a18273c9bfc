"""The tests of Go's MySQL driver, from the Go module as it was published.

It speaks the protocol itself: statements as text and prepared, binary values, long data, LOCAL
INFILE, several results, cancelled contexts, charsets, compression and TLS.
"""

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

from tests.conformance import programs
from tests.conformance.suite import Outcome, Results, Status, Suite
from tests.conformance.target import Target

_MODULE, _VERSION = "github.com/go-sql-driver/mysql", "v1.10.1"
_TOLD = re.compile(r"^ *--- (PASS|FAIL|SKIP): (\S+)", re.M)
_STATUS = {"PASS": Status.PASSED, "FAIL": Status.FAILED, "SKIP": Status.SKIPPED}
_ELSEWHERE = "TestConnectorReturnsTimeout"  # connects to a host on the internet


class GoSqlDriver(Suite):
    """Its tests use the server that the variables MYSQL_TEST_... name."""

    name = "go-sql-driver"
    about = "the tests of Go's driver, which speaks the protocol itself"
    kind = "mysql"
    server = "mysql"

    def prepare(self, cache: Path) -> str:
        programs.need("go", "Go 1.24 or newer")
        self._program = cache / "driver.test"
        if not self._program.exists():
            told = programs.fetch(
                ["go", "mod", "download", "-json", f"{_MODULE}@{_VERSION}"], cache
            )
            shutil.unpack_archive(json.loads(told)["Zip"], cache / "module")
            self._sources = cache / "module" / f"{_MODULE}@{_VERSION}"
            programs.fetch(["go", "test", "-c", "-o", self._program, "."], self._sources)
        self._sources = cache / "module" / f"{_MODULE}@{_VERSION}"
        return _VERSION

    def run(self, target: Target, folder: Path) -> Results:
        log = folder / "test.log"
        programs.run(
            [self._program, "-test.v", f"-test.skip={_ELSEWHERE}"],
            folder=self._sources,
            environment=programs.environment(_variables(target)),
            seconds=self.seconds,
            log=log,
        )
        return dict(_outcomes(log.read_text(errors="replace")))


def _variables(target: Target) -> dict[str, str]:
    return {
        "MYSQL_TEST_ADDR": f"{target.host}:{target.port}",
        "MYSQL_TEST_USER": target.user,
        "MYSQL_TEST_PASS": target.password or "",
        "MYSQL_TEST_DBNAME": target.database,
        "MYSQL_TEST_CONCURRENT": "1",
    }


def _outcomes(log: str) -> Iterator[tuple[str, Outcome]]:
    for verdict, test in _TOLD.findall(log):
        yield test, Outcome(_STATUS[verdict])


SUITE = GoSqlDriver()

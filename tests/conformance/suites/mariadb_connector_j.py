"""The integration tests of MariaDB Connector/J, Java's driver, from its repository.

It speaks the protocol itself: text and binary, pipelined and in bulk, compressed, by TLS, with
LOCAL INFILE, cursors and every type.
"""

import shutil
from pathlib import Path

from tests.conformance import junit, programs
from tests.conformance.explained import Explanation
from tests.conformance.mysql_target import execute
from tests.conformance.suite import Results, Suite
from tests.conformance.target import Target

_VERSION = "3.5.9"
_REPOSITORY = "https://github.com/mariadb-corporation/mariadb-connector-j"
_MAVEN = ("mvn", "--batch-mode", "--quiet")
_DATABASE = "testj"


class MariadbConnectorJ(Suite):
    """Variables say where the server is. Each run has a copy of all, for its reports."""

    name = "mariadb-connector-j"
    about = "the tests of Java's driver, which speaks the protocol itself"
    kind = "mysql"
    server = "mariadb"
    seconds = 1800
    explained = (
        Explanation(
            "*.SslTest::*",
            "Keyless has a certificate of its own, not the server's, and lets clients in without "
            "TLS.",
        ),
        Explanation(
            "*.DataSourceTest::basic",
            "It waits for its wrong password to be refused, and Keyless asks for none.",
        ),
        Explanation(
            "*.ErrorTest::testPre41ErrorFormat",
            "It compares the words for a server that is full. Keyless has its own, with the same "
            "error number.",
        ),
        Explanation(
            "*.ConnectionTest::expiredPasswordTest",
            "It logs in by a password that has expired. Keyless does not offer that to its "
            "clients, who have none, and the test is skipped.",
        ),
    )

    def prepare(self, cache: Path) -> str:
        programs.need("mvn", "Maven 3 and Java 17 or newer")
        self._sources = programs.repository(_REPOSITORY, _VERSION, cache)
        # One test that needs no server, so that Maven has all that it runs the others with.
        programs.fetch([*_MAVEN, "test", "-Dtest=VersionFactoryTest"], self._sources)
        return _VERSION

    def run(self, target: Target, folder: Path) -> Results:
        execute(target, f"CREATE DATABASE {_DATABASE}")
        copy = folder / _VERSION
        shutil.copytree(self._sources, copy)
        programs.run(
            [*_MAVEN, "--offline", "surefire:test", "-Dtest=org/mariadb/jdbc/integration/**"],
            folder=copy,
            environment=programs.environment(
                {
                    "TEST_DB_HOST": target.host,
                    "TEST_DB_PORT": str(target.port),
                    "TEST_DB_DATABASE": _DATABASE,
                    "TEST_DB_USER": target.user,
                    "TEST_DB_PASSWORD": target.password or "",
                }
            ),
            seconds=self.seconds,
            log=folder / "surefire.log",
        )
        reports = copy / "target" / "surefire-reports"  # which has another from `prepare`
        return junit.read(*reports.glob("TEST-org.mariadb.jdbc.integration.*.xml"))


SUITE = MariadbConnectorJ()

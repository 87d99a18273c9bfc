"""The tests of pgjdbc, Java's driver, from its source release, run as its build runs them.

It speaks the protocol itself: simple and extended queries in every mode, batches, cursors, COPY,
large objects, two-phase commit, timeouts that cancel, and TLS where there is some.
"""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType

from tests.conformance import junit, programs
from tests.conformance.explained import Explanation
from tests.conformance.suite import Results, Suite, SuiteError
from tests.conformance.target import Target
from tests.conformance.upstreams import postgres_binaries

_VERSION = "42.7.13"
_NAME = f"postgresql-{_VERSION}-jdbc-src"
_ARTIFACT = f"org.postgresql:postgresql:{_VERSION}:tar.gz:jdbc-src"
_MAVEN = ("mvn", "--batch-mode", "--quiet")
_DATABASE = "test"  # a test looks for it by this name
_SETUP = f"CREATE DATABASE {_DATABASE}", f"\\connect {_DATABASE}", "CREATE EXTENSION hstore"


class PgJdbc(Suite):
    """Its properties file says where the server is. Each run has a copy of all, for its reports."""

    name = "pgjdbc"
    about = "the tests of Java's driver, which speaks the protocol itself"
    settings = MappingProxyType({"max_prepared_transactions": "64"})
    seconds = 1800
    explained = (
        Explanation(
            "org.postgresql.jdbc.ScramTest::passwordWithSpace*",
            "Keyless logs in as the role's account, whatever user its client names.",
        ),
        Explanation(
            "*Test::loginTimeoutInterruptsAuthPluginSleep",
            "Keyless asks its clients for no password, so the driver asks no plugin for one.",
        ),
        Explanation(
            "*.ObjectFactoryTest::invalidAuthenticationPlugin",
            "Keyless asks its clients for no password, so the driver asks no plugin for one.",
        ),
        Explanation(
            "*.DriverTest::connectPassword04",
            "It writes the password into a URL as it is. The server's has a % in it; through "
            "Keyless there is none.",
        ),
    )

    def prepare(self, cache: Path) -> str:
        programs.need("mvn", "Maven 3 and Java 17 or newer")
        self._sources = cache / _NAME
        if not self._sources.exists():
            options = [f"-Dartifact={_ARTIFACT}", f"-DoutputDirectory={cache}"]
            programs.fetch([*_MAVEN, "dependency:copy", *options], cache)
            shutil.unpack_archive(cache / f"{_NAME}.tar.gz", cache, filter="data")
        # One test that needs no server, so that Maven has all that it runs the others with.
        programs.fetch([*_MAVEN, "test", "-Dtest=ServerVersionTest"], self._sources)
        return _VERSION

    def run(self, target: Target, folder: Path) -> Results:
        copy = folder / _NAME
        shutil.copytree(self._sources, copy)
        self._set_up(target, folder)
        with _properties(target, copy / "build.local.properties"):
            programs.run(
                [*_MAVEN, "--offline", "surefire:test"],
                folder=copy,
                environment=programs.environment({}),
                seconds=self.seconds,
                log=folder / "surefire.log",
            )
        return junit.read(*copy.glob("target/surefire-reports/*.xml"))

    def _set_up(self, target: Target, folder: Path) -> None:
        psql = postgres_binaries(self.server) / "psql", "--no-psqlrc", "--set=ON_ERROR_STOP=1"
        log = folder / "setup.log"
        code = programs.run(
            [*psql, *(f"--command={line}" for line in _SETUP)],
            folder=folder,
            environment=programs.environment(target.libpq()),
            seconds=60,
            log=log,
        )
        if code != 0:
            raise SuiteError(f"its database cannot be set up: {log.read_text()}")


@contextmanager
def _properties(target: Target, file: Path) -> Iterator[None]:
    """The file, which is gone afterwards, for it has the password. Where nobody asks for one, the
    tests still want some."""
    password = target.password or "none"
    file.touch(0o600)
    file.write_text(f"""
test.url.PGHOST={target.host}
test.url.PGPORT={target.port}
test.url.PGDBNAME={_DATABASE}
user={target.user}
password={password}
privilegedUser={target.user}
privilegedPassword={password}
""")
    try:
        yield
    finally:
        file.unlink()


SUITE = PgJdbc()

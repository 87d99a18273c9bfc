"""psycopg 3's own tests, its pool's among them, on the C implementation that its wheels bring.

It uses libpq and nearly all that libpq can do: pipelines, single-row mode, COPY, cancel requests,
notifications, two-phase commit, several hosts. Its tests come with its source: with Debian's
source package, or from a copy of the repository that somebody put at `psycopg/source` in the cache.
"""

import re
from pathlib import Path

from tests.conformance import debian, programs, pytests
from tests.conformance.explained import Explanation
from tests.conformance.suite import Results, Suite
from tests.conformance.target import Target

_TOOLS = ("anyio", "dnspython", "pproxy", *pytests.REQUIREMENTS)
# Tests that measure time or memory or check types, and those that its authors call flakey.
_LEFT_OUT = "not (timing or flakey or refcount or gevent or mypy)"
_NO_PASSWORD = "It is skipped where a login needs no password, as it does not through Keyless."
_VERSION = re.compile(r'^(?:version|__version__) = "([^"]+)"', re.M)


class Psycopg(Suite):
    """The packages that are tested are PyPI's, of the version of the tests."""

    name = "psycopg"
    about = "the tests of Python's client on libpq"
    seconds = 2400
    explained = (
        Explanation("*::test_multi_attempt_pgconn*", _NO_PASSWORD),
        Explanation("*::test_connect_operationalerror_pgconn", _NO_PASSWORD),
    )

    def prepare(self, cache: Path) -> str:
        source = cache / "source"
        self._source = source if source.exists() else debian.source("psycopg3", cache)
        version = _version(self._source / "psycopg")
        packages = (
            f"psycopg[binary]=={version}",
            f"psycopg-pool=={_version(self._source / 'psycopg_pool')}",
        )
        self._python = programs.virtual_environment(cache / "python", *packages, *_TOOLS)
        return version

    def run(self, target: Target, folder: Path) -> Results:
        # Its tests change the environment, so all is in the connection string.
        dsn = (
            f"host={target.host} port={target.port} user={target.user} dbname={target.database}"
            f" passfile={target.passwords}"
        )
        return pytests.run(
            *(self._python, f"--test-dsn={dsn}", "-m", _LEFT_OUT, "tests"),
            folder=self._source,
            logs=folder,
            environment=programs.environment({}),
            seconds=self.seconds,
        )


def _version(package: Path) -> str:
    """The package's own; older ones have it in a module."""
    places = package / "pyproject.toml", package / package.name / "version.py"
    texts = "\n".join(place.read_text() for place in places if place.exists())
    found = _VERSION.search(texts)
    assert found, package
    return found[1]


SUITE = Psycopg()

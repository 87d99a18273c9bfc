"""The tests of pgx, Go's driver, from the Go module as it was published.

It speaks the protocol itself: binary values of nearly all types, batches and pipelines, COPY, large
objects, notifications, cancelled contexts, a pool, and connections that break at every point.
"""

import json
import re
import shutil
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path

from tests.conformance import programs
from tests.conformance.explained import Explanation
from tests.conformance.suite import Outcome, Results, Status, Suite, SuiteError
from tests.conformance.target import Target
from tests.conformance.upstreams import postgres_binaries

_MODULE, _VERSION = "github.com/jackc/pgx/v5", "v5.12.0"
# How to connect, by its tests' names. The others want passwords and certificates of their own.
_WAYS = ("DATABASE", "TCP_CONN_STRING", "SCRAM_PASSWORD_CONN_STRING")
_STATUS = {"pass": Status.PASSED, "fail": Status.FAILED, "skip": Status.SKIPPED}
_RANDOM = re.compile(r"(?<=\D)\d+(?=/001/)")  # the names of temporary folders, in those of tests
_REASON = 200  # characters


class Pgx(Suite):
    """Its own script makes the extensions and accounts that the tests expect."""

    name = "pgx"
    about = "the tests of Go's driver, which speaks the protocol itself"
    seconds = 1800
    explained = (
        Explanation(
            "pgconn::TestConnectInvalidUser",
            "Keyless lets its clients in by who they are, whatever user they name.",
        ),
    )

    def prepare(self, cache: Path) -> str:
        programs.need("go", "Go 1.25 or newer")
        self._sources = cache / "module" / f"{_MODULE}@{_VERSION}"
        if not self._sources.exists():
            module = f"{_MODULE}@{_VERSION}"
            told = programs.fetch(["go", "mod", "download", "-json", module], cache)
            shutil.unpack_archive(json.loads(told)["Zip"], cache / "module")
        programs.fetch(["go", "test", "-run=^$", "./..."], self._sources)  # compiles them
        return _VERSION

    def run(self, target: Target, folder: Path) -> Results:
        self._set_up(target, folder)
        log = folder / "tests.jsonl"
        programs.run(
            ["go", "test", "-json", "-count=1", "-p=1", "./..."],
            folder=self._sources,
            environment=programs.environment(_ways(target)),
            seconds=self.seconds,
            log=log,
        )
        return _results(log.read_text(errors="replace"))

    def _set_up(self, target: Target, folder: Path) -> None:
        psql = postgres_binaries(self.server) / "psql", "--no-psqlrc", "--set=ON_ERROR_STOP=1"
        log = folder / "setup.log"
        code = programs.run(
            [*psql, "--file=testsetup/postgresql_setup.sql"],
            folder=self._sources,
            environment=programs.environment(target.libpq()),
            seconds=60,
            log=log,
        )
        if code != 0:
            raise SuiteError(f"its database cannot be set up: {log.read_text()}")


def _ways(target: Target) -> dict[str, str]:
    way = f"host={target.host} port={target.port} dbname={target.database} user={target.user}"
    return {f"PGX_TEST_{name}": f"{way} passfile={target.passwords}" for name in _WAYS}


def _results(log: str) -> Results:
    """Of every test that began; one that was never heard of again has failed."""
    outcomes: dict[str, Outcome] = {}
    words: dict[str, str] = defaultdict(str)
    for event in _events(log):
        test, action = _id(event), event["Action"]
        if action == "run":
            outcomes[test] = Outcome(Status.FAILED, "it did not end")
        elif action == "output":
            words[test] += event["Output"]
        elif status := _STATUS.get(action):
            outcomes[test] = Outcome(status, _reason(words[test]) if action == "fail" else "")
    return outcomes


def _events(log: str) -> Iterator[Mapping[str, str]]:
    """What happened to single tests. What else the programs print is not JSON."""
    for line in log.splitlines():
        if line.startswith("{") and "Test" in (event := json.loads(line)):
            yield event


def _id(event: Mapping[str, str]) -> str:
    package = event["Package"].removeprefix(_MODULE).strip("/") or "pgx"
    return _RANDOM.sub("N", f"{package}::{event['Test']}")


def _reason(words: str) -> str:
    return " ".join(words.split())[-_REASON:]


SUITE = Pgx()

"""The integration tests of node-postgres, JavaScript's driver, from its source release.

It speaks the protocol itself, in text and in binary. The driver's tests are programs that name each
test as it passes and end at the first that fails; those of its pool, its cursor and its stream are
for mocha.
"""

import json
import re
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from tests.conformance import debian_original, junit, programs
from tests.conformance.explained import Explanation
from tests.conformance.suite import PASSED, Outcome, Results, Status, Suite
from tests.conformance.target import Target

_RELEASED = ("pg", "pg-protocol", "pg-connection-string", "pg-pool", "pg-cursor")
_TESTED = ("pg", "pg-pool", "pg-cursor", "pg-query-stream")
_NOT_OF_TESTS = ("@", "eslint", "vitest", "wrangler")  # how names of other tools begin
_NPM = "npm", "install", "--no-save", "--no-audit", "--no-fund", "--ignore-scripts"
_MODES: Mapping[str, tuple[str, ...]] = MappingProxyType({"": (), " (binary)": ("binary",)})
_MOCHA: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "pg-pool": ("test/*.js",),
        "pg-cursor": ("test/*.js",),
        "pg-query-stream": ("--require=ts-node/register/transpile-only", "test/**/*.ts"),
    }
)
_PASSED = re.compile(r"^  (\S.*?)\s*✔$", re.M)
_REASON = 200  # characters
_AFTER_A_WRONG_USER = (
    *("as a whole", "cannot pass non-string values to query as text", "within a simple query"),
    *("connected, idle client error", "non-error calls supplied callback", "non-query error*"),
    *("when connecting to an invalid host with callback",),
    *("when connecting to invalid host with promise",),
)
_LET_IN = (
    "Keyless lets its clients in by who they are, whatever user they name. The program expects a "
    "wrong one to be refused, and ends there."
)
_TIMED = (
    "pg-pool/events::emits acquire every time a client is acquired",
    "pg-pool/idle timeout::*when the allowExitOnIdle option is set",
    "pg-pool/idle timeout::*when allowExitOnIdle option is not set",
)
_LATE = "It allows a time that it exceeded through Keyless on a busy machine."
_SLOWER = (
    "It allows 5 s for 5,000 statements, one after the other. Each takes longer through a proxy, "
    "and on two slow cores all of them too long."
)


class NodePostgres(Suite):
    """The programs are run one by one, as its Makefile does, with what libpq's variables say."""

    name = "node-postgres"
    about = "the tests of JavaScript's driver, which speaks the protocol itself"
    seconds = 120  # for each program, and for each of mocha's runs
    explained = (
        *(
            Explanation(f"client/error-handling-tests.js*::{it}", _LET_IN)
            for it in _AFTER_A_WRONG_USER
        ),
        *(Explanation(test, _LATE) for test in _TIMED),
        Explanation("gh-issues/1105-tests.js*", _SLOWER),
    )

    def prepare(self, cache: Path) -> str:
        programs.need("npm", "Node.js 20 or newer")
        tarball = debian_original.tarball("node-postgres", cache)
        self._sources = cache / "sources"
        if not (self._sources / "installed").exists():
            shutil.rmtree(self._sources, ignore_errors=True)
            self._sources.mkdir()
            programs.fetch(["tar", "-xf", tarball, "--strip-components=1"], self._sources)
            self._install()
            (self._sources / "installed").touch()
        return str(self._manifest("pg")["version"])

    def _install(self) -> None:
        """What the tests need beside themselves: the packages of the release, and some tools."""
        (self._sources / "yarn.lock").unlink()
        (self._sources / "package.json").write_text("{}")  # else npm installs all its tools
        wanted = {name: self._manifest(name)["version"] for name in _RELEASED}
        for package in _TESTED:
            tools = self._manifest(package)["devDependencies"]
            needed = {name for name in tools if not name.startswith(_NOT_OF_TESTS)}
            wanted |= {name: tools[name] for name in needed - wanted.keys()}
        versions = sorted(f"{name}@{version}" for name, version in wanted.items())
        programs.fetch([*_NPM, "--legacy-peer-deps", *versions], self._sources)

    def _manifest(self, package: str) -> Mapping[str, Any]:
        file = self._sources / "packages" / package / "package.json"
        manifest: Mapping[str, Any] = json.loads(file.read_text())
        return manifest

    def run(self, target: Target, folder: Path) -> Results:
        environment = programs.environment(target.libpq())
        outcomes: dict[str, Outcome] = {}
        for mode in _MODES:
            outcomes |= self._programs(mode, environment, folder)
        for package in _MOCHA:
            outcomes |= self._mocha(package, environment, folder)
        return outcomes

    def _programs(
        self, mode: str, environment: Mapping[str, str], folder: Path
    ) -> Iterator[tuple[str, Outcome]]:
        package = self._sources / "packages" / "pg"
        tests = package / "test" / "integration"
        tables = package / "script" / "create-test-tables.js"
        for program in (tables, *sorted(tests.rglob("*-tests.js"))):
            name = str(program.relative_to(package)).removeprefix("test/integration/")
            log = folder / f"{name.replace('/', '-')}{mode}.log"
            code = programs.run(
                ["node", program, "postgres:///", *_MODES[mode]],
                folder=package,
                environment=environment,
                seconds=self.seconds,
                log=log,
            )
            for test, outcome in _told(log.read_text(errors="replace"), code):
                yield f"{name}{mode}::{test}", outcome

    def _mocha(
        self, package: str, environment: Mapping[str, str], folder: Path
    ) -> Iterator[tuple[str, Outcome]]:
        report = folder / f"{package}.xml"
        options = "--exit", "--reporter=xunit", f"--reporter-option=output={report}"
        code = programs.run(
            [self._sources / "node_modules/.bin/mocha", *options, *_MOCHA[package]],
            folder=self._sources / "packages" / package,
            environment=environment,
            seconds=self.seconds,
            log=folder / f"{package}.log",
        )
        if code is None:
            yield f"{package}/as a whole", Outcome(Status.FAILED, "it did not end")
            return
        for test, outcome in junit.read(report).items():
            yield f"{package}/{test}", outcome


def _told(text: str, code: int | None) -> Iterator[tuple[str, Outcome]]:
    """The tests that passed, and whether all did: of the first that does not, the rest tells."""
    rest = 0
    for passed in _PASSED.finditer(text):
        yield passed[1], PASSED
        rest = passed.end()
    why = f"exit code {code}: {' '.join(text[rest:].split())[:_REASON]}"
    yield "as a whole", PASSED if code == 0 else Outcome(Status.FAILED, why)


SUITE = NodePostgres()

"""One suite, run twice: against a server, and against its like through Keyless."""

import shutil
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path

from tests.conformance.compare import Difference, differences, in_both, passed, unused
from tests.conformance.faults import faults
from tests.conformance.suite import Results, Suite
from tests.conformance.target import Target, direct, proxied
from tests.keyless import Keyless

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Finding:
    """What came of one suite."""

    suite: str
    about: str
    version: str
    server: str
    tests: int
    passed_direct: int
    passed_through: int
    statements: int  # that Keyless audited
    seconds: float
    differences: tuple[Difference, ...]
    faults: tuple[str, ...]  # what Keyless did wrong beside the tests
    unused: tuple[str, ...]  # explanations that explain nothing
    once: tuple[Difference, ...] = ()  # that were there in one of two rounds only

    @property
    def unexplained(self) -> list[Difference]:
        return [difference for difference in self.differences if difference.why is None]

    @property
    def good(self) -> bool:
        return not self.unexplained and not self.faults


class Runner:
    """Runs suites; what they are made of is kept in `cache`, and logs go to `logs`."""

    def __init__(self, cache: Path, logs: Path, say: Say) -> None:
        self._cache, self._logs, self._say = cache, logs, say

    def run(self, suite: Suite) -> Finding:
        """Run it, and all of it again if something differs without a reason: tests that measure
        time fail on a busy machine, whatever they run against."""
        self._say(f"{suite.name}: preparing")
        version = suite.prepare(_made(self._cache / suite.name))
        found = self.round(suite, version)
        if not found.unexplained:
            return found
        again = self.round(suite, version, "-again")
        steady, once = in_both(found.differences, again.differences)
        return replace(
            again,
            seconds=found.seconds + again.seconds,
            differences=tuple(steady),
            faults=found.faults + again.faults,
            once=tuple(once),
        )

    def round(self, suite: Suite, version: str, name: str = "") -> Finding:
        """Both runs of a suite that is prepared."""
        begun = time.monotonic()
        folder = self._logs / f"{suite.name}{name}"
        shutil.rmtree(folder, ignore_errors=True)
        made = suite.kind, suite.server, suite.settings
        plain, server, _ = self._once(suite, direct(*made), _made(folder / "direct"))
        proxy = _made(folder / "through")
        through, _, keyless = self._once(suite, proxied(*made, suite.options, proxy), proxy)
        assert keyless is not None
        found = differences(plain, through, suite.explained)
        return Finding(
            *(suite.name, suite.about, version, server),
            *(len(plain.keys() | through.keys()), passed(plain), passed(through)),
            statements=_statements(keyless.audit_path),
            seconds=round(time.monotonic() - begun, 1),
            differences=tuple(found),
            faults=tuple(faults(keyless.directory)),
            unused=tuple(unused(found, suite.explained)),
        )

    def _once(
        self, suite: Suite, start: AbstractContextManager[Target], folder: Path
    ) -> tuple[Results, str, Keyless | None]:
        with start as target:
            self._say(f"{suite.name}: {folder.name}, {target.server}")
            results = suite.run(target, folder)
        self._say(f"{suite.name}: {folder.name}, {passed(results)} of {len(results)} passed")
        return results, target.server, target.keyless


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _statements(audit: Path) -> int:
    """And what their like is in SSH: programs, files and forwards."""
    with audit.open("rb") as lines:
        return sum(b'.query"' in line or b'"event":"ssh.' in line for line in lines)

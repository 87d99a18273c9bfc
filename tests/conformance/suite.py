"""The contract between a suite and the runner. What is particular to one suite stays in its file.

To add one, write `suites/NAME.py` with a subclass of `Suite` and an instance of it as `SUITE`.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from types import MappingProxyType
from typing import Any

from tests.conformance.explained import Explanation
from tests.conformance.target import Target

_NOTHING: Mapping[str, Any] = MappingProxyType({})


class Status(Enum):
    """What became of a test."""

    PASSED = "passed"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a test, and in a few words why."""

    status: Status
    reason: str = ""


PASSED = Outcome(Status.PASSED)
Results = Mapping[str, Outcome]
"""Test id to outcome. An id names the same test in every run."""


class SuiteError(Exception):
    """A suite cannot be fetched or run here; the text says why and what to do about it."""


class Suite(ABC):
    """Tests that others wrote, and how to run them."""

    name: str
    about: str
    """What it is, in a few words for the table."""

    kind: str = "postgres"
    """Of which kind the server is: postgres, mysql or ssh."""

    server: str = "15"
    """The server's major version. Debian's 15 speaks TLS and has every extension."""

    settings: Mapping[str, str] = _NOTHING
    """Settings of the server, beside its defaults."""

    options: Mapping[str, Any] = _NOTHING
    """What Keyless's role has in its table; roles of databases have all of those."""

    seconds: float = 600
    """After so long a run is ended; `run` gives this to `programs.run`."""

    explained: Sequence[Explanation] = ()
    """Which tests may differ, and why."""

    @abstractmethod
    def prepare(self, cache: Path) -> str:
        """Fetch and build what is not in `cache` yet, a folder of the suite's own. Returns the
        suite's version. Raises SuiteError."""

    @abstractmethod
    def run(self, target: Target, folder: Path) -> Results:
        """Run all of it against `target`; `folder` is new, and for the logs. Raises SuiteError
        where nothing could be run at all."""

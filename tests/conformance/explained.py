"""Why a test may end otherwise through the proxy: one true sentence for each group of tests."""

from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase


@dataclass(frozen=True, slots=True)
class Explanation:
    """`pattern` is a test's id, in which `*` stands for anything; brackets stand for themselves."""

    pattern: str
    why: str

    def covers(self, test: str) -> bool:
        return fnmatchcase(test, self.pattern.replace("[", "[[]"))


def explain(test: str, explanations: Iterable[Explanation]) -> str | None:
    """The first explanation that covers the test."""
    return next((known.why for known in explanations if known.covers(test)), None)

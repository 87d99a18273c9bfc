"""What Keyless means to reach, and whether a result reaches it."""

import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from bench.findings import Finding, Result

OURS = Path(__file__).with_name("marks.toml")


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """What one figure of every finding that it names has to be: of another's, over another's, or as
    it is."""

    work: str
    case: str = "*"
    peer: str
    figure: str | None = None
    of: str | None = None
    of_case: str | None = None
    over: str | None = None
    at_least: float | None = None
    at_most: float | None = None

    def names(self, finding: Finding) -> bool:
        pairs = (finding.work, self.work), (finding.case, self.case), (finding.peer, self.peer)
        return all(fnmatchcase(told, pattern) for told, pattern in pairs)

    def judge(self, finding: Finding, result: Result) -> "Verdict | None":
        """None where its base, or the figure, was not measured."""
        figure = self.figure or finding.main
        base = result.one(finding.work, self.of_case or finding.case, self.of or "")
        floor = result.one(finding.work, finding.case, self.over or "")
        if (self.of and base is None) or (self.over and floor is None):
            return None
        if base is not None:
            value = finding.ratio(base, figure, floor)
        else:
            value = _less(finding.median(figure), floor.median(figure) if floor else 0.0)
        return None if value is None else Verdict(self._said(finding, figure), value, self)

    def _said(self, finding: Finding, figure: str) -> str:
        words = [f"{finding.work}, {finding.case}: {finding.peer}, {figure}"]
        words += [f"of {self.of}'s"] if self.of else []
        words += [f"in {self.of_case}"] if self.of_case else []
        return " ".join([*words, *([f"over {self.over}"] if self.over else [])])


@dataclass(frozen=True, slots=True)
class Verdict:
    """One mark, of one finding."""

    what: str
    value: float
    mark: Mark

    def fell(self, margin: float) -> bool:
        """Whether it is further off than noise may be, as a part of the mark."""
        low, high = self.mark.at_least, self.mark.at_most
        too_little = low is not None and self.value < low * (1 - margin)
        return too_little or (high is not None and self.value > high * (1 + margin))

    @property
    def wanted(self) -> str:
        bounds = ("at least", self.mark.at_least), ("at most", self.mark.at_most)
        return ", ".join(f"{words} {bound:g}" for words, bound in bounds if bound is not None)


def read(file: Path = OURS) -> list[Mark]:
    return [Mark(**told) for told in tomllib.loads(file.read_text())["marks"]]


def judged(marks: Sequence[Mark], result: Result) -> Iterator[Verdict]:
    """What could be judged."""
    for mark in marks:
        for finding in filter(mark.names, result.findings):
            if (verdict := mark.judge(finding, result)) is not None:
                yield verdict


def _less(value: float | None, floor: float | None) -> float | None:
    return None if value is None or floor is None else value - floor

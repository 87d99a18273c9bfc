"""What was measured of one work through one peer, and how peers compare.

A shared machine is now fast and now slow, so only samples of the same round are compared, and what
counts is the median of the rounds' own ratios.
"""

import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Self

SPEED = "speed"
P50, P99 = "p50 ms", "p99 ms"
USER, SYSTEM, CPU, MACHINE = "user us", "system us", "cpu us", "machine us"
STOLEN = "steal %"

Sample = Mapping[str, float]
"""Figures of one round by their names."""


@dataclass(frozen=True, slots=True)
class Finding:
    """The rounds of one case of a work. `unit` is of the first figure, which matters most;
    `failures` are what was wrong with what came of it."""

    work: str
    case: str
    peer: str
    unit: str
    samples: Sequence[Sample]
    failures: Sequence[str] = ()

    @property
    def main(self) -> str:
        """The figure that matters most."""
        return next(iter(self.samples[0]))

    def median(self, figure: str) -> float | None:
        told = [sample[figure] for sample in self.samples if figure in sample]
        return statistics.median(told) if told else None

    @property
    def spread(self) -> float:
        """How far the rounds lie apart, to either side, as a part of their median."""
        told = [sample[self.main] for sample in self.samples]
        middle = statistics.median(told)
        return (max(told) - min(told)) / 2 / middle if middle else 0.0

    def ratio(self, base: "Finding", figure: str, over: "Finding | None" = None) -> float | None:
        """How much of `base` it is in this figure; of what is `over` a third one, if given."""
        floors = over.samples if over else [{figure: 0.0}] * len(self.samples)
        ratios = [
            (ours[figure] - floor[figure]) / (theirs[figure] - floor[figure])
            for ours, theirs, floor in zip(self.samples, base.samples, floors, strict=False)
            if all(figure in sample for sample in (ours, theirs, floor))
            and theirs[figure] != floor[figure]
        ]
        return statistics.median(ratios) if ratios else None


@dataclass(frozen=True, slots=True)
class Result:
    """A whole run. `left_out` says what could not be measured here, and why."""

    machine: Mapping[str, str]
    programs: Mapping[str, str]
    run: Mapping[str, str]
    left_out: Sequence[str]
    findings: Sequence[Finding]

    def one(self, work: str, case: str, peer: str) -> Finding | None:
        wanted = work, case, peer
        return next((f for f in self.findings if (f.work, f.case, f.peer) == wanted), None)

    def others(self, finding: Finding) -> list[Finding]:
        """All peers in the same case, this one too."""
        return [f for f in self.findings if (f.work, f.case) == (finding.work, finding.case)]

    def told(self) -> dict[str, Any]:
        """For JSON; the medians and ratios are for other readers and not read again."""
        whole = asdict(self)
        for told, finding in zip(whole["findings"], self.findings, strict=True):
            told["spread"] = finding.spread
            told["medians"] = {name: finding.median(name) for name in finding.samples[0]}
            told["of"] = {
                other.peer: finding.ratio(other, finding.main) for other in self.others(finding)
            }
        return whole

    @classmethod
    def read(cls, told: Mapping[str, Any]) -> Self:
        return cls(
            machine=told["machine"],
            programs=told["programs"],
            run=told["run"],
            left_out=told["left_out"],
            findings=[_finding(one) for one in told["findings"]],
        )


def cases(findings: Iterable[Finding]) -> dict[tuple[str, str], list[Finding]]:
    """By work and case, in the order in which they came."""
    found: dict[tuple[str, str], list[Finding]] = {}
    for finding in findings:
        found.setdefault((finding.work, finding.case), []).append(finding)
    return found


def _finding(told: Mapping[str, Any]) -> Finding:
    named = ("work", "case", "peer", "unit", "samples", "failures")
    return Finding(**{name: told[name] for name in named})

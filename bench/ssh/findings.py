"""What came of a work: both ways' times beside each other, and what was wrong."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from bench import markdown

_MEBI, _GIBI = 1 << 20, 1 << 30
_HEADINGS = (
    "work", "direct s", "through s", "through MiB/s", "of direct", "CPU s", "CPU s a GiB", "failed",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Sample:
    """One round of one way: how long it took, the proxy's CPU time, user and system, and what was
    wrong with what came of it."""

    seconds: float
    cpu: float
    wrong: str = ""


@dataclass(frozen=True, slots=True)
class Finding:
    """Medians; `of_direct` is the speed of the way through Keyless as a part of the direct one's,
    the median of the rounds' own ratios. `rates` are in MiB/s, and `cpu` is the proxy's."""

    work: str
    size: int
    direct: float
    through: float
    of_direct: float
    cpu: float
    failures: Sequence[str]

    @classmethod
    def of(cls, work: str, size: int, direct: Sequence[Sample], through: Sequence[Sample]) -> Self:
        ratios = [a.seconds / b.seconds for a, b in zip(direct, through, strict=True)]
        return cls(
            work=work,
            size=size,
            direct=statistics.median(sample.seconds for sample in direct),
            through=statistics.median(sample.seconds for sample in through),
            of_direct=statistics.median(ratios),
            cpu=statistics.median(sample.cpu for sample in through),
            failures=[sample.wrong for sample in (*direct, *through) if sample.wrong],
        )


def table(findings: Sequence[Finding]) -> str:
    """In Markdown, with the failures' sentences below it."""
    lines = markdown.table(_HEADINGS, map(_columns, findings))
    lines += [f"- {one.work}: {failure}" for one in findings for failure in one.failures]
    return "\n".join(lines)


def _columns(found: Finding) -> list[str]:
    rate = per_gibi = "-"
    if found.size:
        rate = f"{found.size / _MEBI / found.through:.0f}"
        per_gibi = f"{found.cpu / found.size * _GIBI:.2f}"
    times = f"{found.direct:.3f}", f"{found.through:.3f}"
    costs = f"{found.of_direct:.2f}", f"{found.cpu:.2f}"
    return [found.work, *times, rate, *costs, per_gibi, str(len(found.failures))]

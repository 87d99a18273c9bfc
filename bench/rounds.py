"""Interleaved rounds of one case through every peer, each round begun by another end of the row."""

import re
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from bench.findings import CPU, MACHINE, P50, P99, SPEED, STOLEN, SYSTEM, USER, Finding, Sample
from bench.machine import Moment
from bench.peers import Peer


@dataclass(frozen=True, slots=True)
class Done:
    """What a client did in one run: how many, how many a second (if that was its own choice), and
    what one took, in ms. `wrong` is what was wrong with it."""

    count: float
    speed: float | None = None
    p50: float | None = None
    p99: float | None = None
    wrong: str = ""


Run = Callable[[Peer], Done]


@dataclass(frozen=True, slots=True)
class Case:
    """What of a work is measured, and the unit of the figure that matters most."""

    work: str
    name: str
    unit: str = "tps"


@dataclass(slots=True)
class _Row:
    samples: list[Sample] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)


def measure(case: Case, run: Run, peers: Sequence[Peer], rounds: int) -> list[Finding]:
    """So many rounds; in each, every peer has its turn."""
    rows: dict[str, _Row] = defaultdict(_Row)
    for number in range(rounds):
        for peer in reversed(peers) if number % 2 else peers:
            sample, wrong = _sample(run, peer)
            rows[peer.name].samples.append(sample)
            rows[peer.name].failures += [wrong] if wrong else []
    return [
        Finding(case.work, case.name, name, case.unit, row.samples, row.failures)
        for name, row in rows.items()
    ]


def number(pattern: str, told: str) -> float:
    """What a program says of itself; the pattern's first group."""
    found = re.search(pattern, told)
    assert found, told
    return float(found[1])


def percentile(told: Sequence[float], hundredth: int) -> float:
    """Of figures that are sorted."""
    return told[len(told) * hundredth // 100]


def _sample(run: Run, peer: Peer) -> tuple[Sample, str]:
    """The proxy's time, and that of all processors, are us for one of what was counted."""
    before, processors = peer.cpu_seconds(), Moment.now()
    done = run(peer)
    user, system = (b - a for a, b in zip(before, peer.cpu_seconds(), strict=True))
    after = Moment.now()
    each = 1e6 / max(done.count, 1)
    figures = (SPEED, done.speed), (P50, done.p50), (P99, done.p99)
    sample = {name: told for name, told in figures if told is not None}
    sample |= {USER: user * each, SYSTEM: system * each, CPU: (user + system) * each}
    sample |= {MACHINE: after.busy_since(processors) * each}
    return sample | {STOLEN: after.stolen_since(processors) * 100}, done.wrong

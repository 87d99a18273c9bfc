"""Interleaved rounds through every peer, and what they say: medians, and ratios within a round.

A shared machine is now fast and now slow, so only what ran in the same round is compared.
"""

import json
import os
import re
import statistics
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass

import click

from bench import markdown
from bench.peers import Peer


@dataclass(frozen=True, slots=True)
class Done:
    """What a client did in one run: transactions, those a second, and the 99th percentile of what
    they took, in ms."""

    transactions: int
    tps: float
    p99: float


@dataclass(frozen=True, slots=True)
class Sample:
    """One round of one peer. `user` and `system` are the proxy's CPU for a transaction, in us."""

    tps: float
    p99: float
    user: float
    system: float


@dataclass(frozen=True, slots=True)
class Finding:
    """Medians of one work through one peer; `ratios` are of tps to others', by their names, and
    `spread` is how far the rounds' tps lie apart, of their median."""

    work: str
    peer: str
    tps: float
    spread: float
    ratios: Mapping[str, float]
    p99: float
    user: float
    system: float


Run = Callable[[Peer], Done]


def measure(
    work: str, run: Run, peers: Sequence[Peer], rounds: int, bases: Sequence[str]
) -> list[Finding]:
    """So many rounds; in each, every peer has its turn. `bases` are whom all are compared with."""
    samples: dict[str, list[Sample]] = defaultdict(list)
    for _ in range(rounds):
        for peer in peers:
            samples[peer.name].append(_sample(run, peer))
    return [_finding(work, name, samples, bases) for name in samples]


def tell(findings: Sequence[Finding], bases: Sequence[str], *, as_json: bool) -> None:
    """Print them, with the load of the machine in the last minute."""
    if as_json:
        click.echo(json.dumps([asdict(finding) for finding in findings]))
        return
    headings = ["work", "peer", "tps", "+-", *(f"of {base}" for base in bases)]
    headings += ["p99 ms", "us user", "us system"]
    click.echo("\n".join(markdown.table(headings, (_columns(one, bases) for one in findings))))
    click.echo(f"\n{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")


def _columns(found: Finding, bases: Sequence[str]) -> list[str]:
    columns = [found.work, found.peer, f"{found.tps:.0f}", f"{found.spread:.0%}"]
    columns += [f"{found.ratios[base]:.2f}" if base in found.ratios else "-" for base in bases]
    return [*columns, f"{found.p99:.2f}", f"{found.user:.1f}", f"{found.system:.1f}"]


def number(pattern: str, told: str) -> float:
    """What a program says of itself; the pattern's first group."""
    found = re.search(pattern, told)
    assert found, told
    return float(found[1])


def _sample(run: Run, peer: Peer) -> Sample:
    before = peer.cpu_seconds()
    done = run(peer)
    user, system = (b - a for a, b in zip(before, peer.cpu_seconds(), strict=True))
    each = 1e6 / done.transactions
    return Sample(done.tps, done.p99, user * each, system * each)


def _finding(
    work: str, name: str, samples: Mapping[str, Sequence[Sample]], bases: Sequence[str]
) -> Finding:
    runs = samples[name]
    rates = [run.tps for run in runs]
    return Finding(
        work=work,
        peer=name,
        tps=statistics.median(rates),
        spread=(max(rates) - min(rates)) / 2 / statistics.median(rates),
        ratios={base: _ratio(runs, samples[base]) for base in bases if base in samples},
        p99=statistics.median(run.p99 for run in runs),
        user=statistics.median(run.user for run in runs),
        system=statistics.median(run.system for run in runs),
    )


def _ratio(runs: Sequence[Sample], base: Sequence[Sample]) -> float:
    return statistics.median(a.tps / b.tps for a, b in zip(runs, base, strict=True))

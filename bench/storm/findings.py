"""What a storm came to: what the clients saw, and what the proxy's audit says of it."""

import json
import statistics
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from bench import markdown
from bench.storm.clients import Connect

_HEADINGS = (
    "storm", "rotations", "tried", "in", "retried", "logins a session", "failed",
    "reads per 1000", "p50 ms", "p99 ms", "longest ms",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Findings:
    """`retried` are sessions that upstream refused at first, `attempts` the most logins of one;
    `reads` are those that the provider answered."""

    name: str
    rotations: int
    tried: int
    succeeded: int
    retried: int
    attempts: int
    reads: int
    sources: Mapping[str, int]
    failures: Mapping[str, int]
    details: Mapping[str, int]
    p50: float
    p99: float
    longest: float

    @classmethod
    def of(cls, name: str, rotations: int, connects: Sequence[Connect], audit: Path) -> Self:
        events = [json.loads(line) for line in audit.read_text().splitlines()]
        retries = _named(events, "login.retry")
        sources = Counter(
            "error" if read["error"] else read["source"] for read in _named(events, "secret.read")
        )
        times = [connect.seconds * 1000 for connect in connects if not connect.failure]
        centiles = statistics.quantiles(times, n=100) if len(times) > 1 else [0.0] * 99
        return cls(
            name=name,
            rotations=rotations,
            tried=len(connects),
            succeeded=len(times),
            retried=len({retry["session"] for retry in retries}),
            attempts=max((retry["attempt"] for retry in retries), default=1),
            reads=sources["read"],
            sources=dict(sources),
            failures=_counted(connect.failure for connect in connects if connect.failure),
            details=_counted(denied["detail"] for denied in _named(events, "session.denied")),
            p50=centiles[49],
            p99=centiles[98],
            longest=max(times, default=0.0),
        )

    @property
    def failed(self) -> int:
        return sum(self.failures.values())


def table(storms: Sequence[Findings]) -> str:
    """In Markdown, with the failures' sentences below it."""
    lines = markdown.table(_HEADINGS, map(_columns, storms))
    for storm in storms:
        told = [*storm.failures.items(), *storm.details.items()]
        lines += [f"- {storm.name}: {count} times: {what}" for what, count in told]
    return "\n".join(lines)


def _columns(storm: Findings) -> list[str]:
    counts = (storm.rotations, storm.tried, storm.succeeded, storm.retried, storm.attempts)
    per_thousand = storm.reads * 1000 / max(1, storm.tried)
    times = (storm.p50, storm.p99, storm.longest)
    columns = [storm.name, *map(str, counts), str(storm.failed), f"{per_thousand:.0f}"]
    return [*columns, *(f"{time:.0f}" for time in times)]


def _counted(texts: Iterable[str]) -> dict[str, int]:
    return dict(Counter(texts))


def _named(events: Sequence[Mapping[str, Any]], name: str) -> list[Mapping[str, Any]]:
    return [event for event in events if event["event"] == name]

"""What a campaign came to, for people and for machines."""

import json
from dataclasses import asdict, dataclass, field

_MEBIBYTE = 1 << 20


@dataclass(slots=True)
class Figures:
    """What one target was shown."""

    target: str
    conversations: int = 0
    messages: int = 0
    bytes: int = 0
    seconds: float = 0.0
    longest_ms: float = 0.0
    traced_peak: int = 0  # bytes that Python allocated, of the conversations that were traced
    outcomes: int = 0


@dataclass(slots=True)
class Report:
    """Of a whole campaign. Memory is the process's own, in bytes: `settled` is how much it had once
    every target had had a turn. `findings` are by the files that they are kept in."""

    seed: int
    figures: list[Figures] = field(default_factory=list)
    seconds: float = 0.0
    settled: int = 0
    peak: int = 0
    findings: dict[str, str] = field(default_factory=dict)

    @property
    def messages(self) -> int:
        return sum(figures.messages for figures in self.figures)

    def as_json(self) -> str:
        return json.dumps(asdict(self) | {"messages": self.messages}, indent=2)

    def as_table(self) -> str:
        lines = [
            f"{'target':<12}{'messages':>12}{'shown':>11}{'seconds':>9}{'longest':>11}{'traced':>11}"
        ]
        for figures in self.figures:
            traced = f"{figures.traced_peak / _MEBIBYTE:.1f} MiB"
            lines.append(
                f"{figures.target:<12}{figures.messages:>12,}{figures.conversations:>11,}"
                f"{figures.seconds:>9.0f}{figures.longest_ms:>8.0f} ms{traced:>11}"
            )
        settled, peak = self.settled / _MEBIBYTE, self.peak / _MEBIBYTE
        lines.append(f"seed {self.seed}: {self.messages:,} messages in {self.seconds:.0f} s")
        lines.append(f"memory: {settled:.0f} MiB once all had a turn, {peak:.0f} MiB at most")
        return "\n".join(
            lines + [f"FOUND {file}: {error}" for file, error in self.findings.items()]
        )

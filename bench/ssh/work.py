"""One work, which is one program, done by both ways in turn, timed and looked at afterwards."""

import os
import subprocess
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from bench.ssh.findings import Finding, Sample
from bench.ssh.ways import Way

ENVIRONMENT: Mapping[str, str] = MappingProxyType(
    {
        "PATH": os.environ["PATH"],
        "HOME": "/nonexistent",
        "LC_ALL": "C.UTF-8",
        "GIT_CONFIG_GLOBAL": "/dev/null",
        "GIT_AUTHOR_NAME": "Bench",
        "GIT_AUTHOR_EMAIL": "bench@example.org",
        "GIT_COMMITTER_NAME": "Bench",
        "GIT_COMMITTER_EMAIL": "bench@example.org",
    }
)
"""All that a program is given: nothing of ours but the way to other programs."""

_PATIENCE = 1800.0


@dataclass(frozen=True, slots=True)
class Work:
    """`size` is what goes over, in bytes. `prepare` clears the ground, and `check` says what is
    wrong with what came of it, or nothing; neither is timed."""

    name: str
    size: int
    command: Callable[[Way], Sequence[str]]
    stdin: Path = Path("/dev/null")
    prepare: Callable[[], object] = lambda: None
    check: Callable[[], str] = lambda: ""

    def run(self, way: Way) -> Sample:
        self.prepare()
        command = self.command(way)
        before, begun = sum(way.peer.cpu_seconds()), time.perf_counter()
        done = self._run(command, {**ENVIRONMENT, "GIT_SSH_COMMAND": way.command})
        seconds = time.perf_counter() - begun
        cpu = sum(way.peer.cpu_seconds()) - before
        told = done.stderr.decode(errors="replace").strip()[-300:]
        wrong = f"exit code {done.returncode}: {told}" if done.returncode else self.check()
        return Sample(seconds, cpu, f"{way.name}: {wrong}" if wrong else "")

    def _run(
        self, command: Sequence[str], environment: Mapping[str, str]
    ) -> subprocess.CompletedProcess[bytes]:
        with self.stdin.open("rb") as given:
            return subprocess.run(
                command,
                stdin=given,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                env=environment,
                timeout=_PATIENCE,
                check=False,
            )


def measure(works: Iterable[Work], ways: Sequence[Way], rounds: int) -> Iterator[Finding]:
    """What came of each work."""
    for work in works:
        samples = in_turn(work.run, ways, rounds)
        yield Finding.of(work.name, work.size, samples["direct"], samples["through"])


def in_turn(
    run: Callable[[Way], Sample], ways: Sequence[Way], rounds: int
) -> Mapping[str, Sequence[Sample]]:
    """Rounds are interleaved, for the machine's speed changes, and each way comes first in turn."""
    samples: dict[str, list[Sample]] = {way.name: [] for way in ways}
    for number in range(rounds):
        for way in ways if number % 2 else reversed(ways):
            samples[way.name].append(run(way))
    return samples

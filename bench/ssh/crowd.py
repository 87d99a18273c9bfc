"""Many sessions at once: each says what it should, waits until all have, and says more."""

import subprocess
import time
from collections.abc import Iterator, Sequence

from bench.ssh.findings import Finding, Sample
from bench.ssh.ways import Way
from bench.ssh.work import ENVIRONMENT, in_turn

_PATIENCE = 600.0


def crowd(ways: Sequence[Way], sessions: int, rounds: int) -> Iterator[Finding]:
    """A sample's seconds are from the first start to the last end."""
    samples = in_turn(lambda way: _together(way, sessions), ways, rounds)
    yield Finding.of(f"{sessions} sessions at once", 0, samples["direct"], samples["through"])


def _together(way: Way, sessions: int) -> Sample:
    before, begun = sum(way.peer.cpu_seconds()), time.perf_counter()
    running = [_start(way, number) for number in range(sessions)]
    there = [_said(process) == f"in {number}\n" for number, process in enumerate(running)]
    ended = [process.communicate(f"word {n}\n", _PATIENCE) for n, process in enumerate(running)]
    seconds = time.perf_counter() - begun
    wrong = [
        f"session {number} ended with {process.returncode}: {told}{errors}"[:300]
        for number, (process, (told, errors)) in enumerate(zip(running, ended, strict=True))
        if not there[number] or process.returncode != number % 100 or told != f"word {number}\n"
    ]
    told = f"{way.name}: {len(wrong)} of {sessions}, as {wrong[0]}" if wrong else ""
    return Sample(seconds, sum(way.peer.cpu_seconds()) - before, told)


def _start(way: Way, number: int) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        way.ssh(f"echo in {number}; read line; echo $line; exit {number % 100}"),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=dict(ENVIRONMENT),
    )


def _said(process: "subprocess.Popen[str]") -> str:
    assert process.stdout is not None
    return process.stdout.readline()

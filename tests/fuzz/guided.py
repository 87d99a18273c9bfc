"""Campaigns that are guided by what code was reached: the same targets, shown by atheris.

Atheris is nothing that Keyless needs, and lives in an environment of its own: `KEYLESS_CACHE`,
which is ~/.cache/keyless where it is not set. Each target has a process of its own there.
"""

import json
import os
import subprocess
import sys
import sysconfig
import time
from collections.abc import Sequence
from dataclasses import asdict
from importlib import import_module
from pathlib import Path
from random import Random
from typing import Any

from tests.fuzz import limits
from tests.fuzz.conversation import unpack
from tests.fuzz.findings import Finding, describe, keep, shrink
from tests.fuzz.mutation import Mutator
from tests.fuzz.report import Figures, Report
from tests.fuzz.target import Target

_ROOT = Path(__file__).parents[2]
_HOME = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "keyless"
ENVIRONMENT = Path(os.environ.get("KEYLESS_CACHE") or _HOME) / "atheris"
_PYTHON = ENVIRONMENT / "bin" / "python"
_PATIENCE = 10.0  # times as long as without what counts the branches
_MOST_BYTES = 1 << 16
_RESIDENT_MEBIBYTES = 2_048


class AtherisMissing(Exception):
    """There is no atheris; the text says how to get it."""


def explore(kind: str, targets: Sequence[Target], messages: int, seed: int, found: Path) -> Report:
    """Have atheris show so many messages to all targets together. Raises AtherisMissing."""
    if not _PYTHON.exists():
        raise AtherisMissing(
            f"There is no atheris in {ENVIRONMENT}: make it with the Python that .venv has, by "
            f"python3 -m venv {ENVIRONMENT} && {ENVIRONMENT}/bin/pip install atheris"
        )
    found.mkdir(parents=True, exist_ok=True)
    report = Report(seed)
    begun = time.perf_counter()
    part = -(-messages // sum(target.share for target in targets))
    for target in targets:
        arguments = (kind, target.name, part * target.share, seed, found.absolute())
        told = _in_a_process(found / f"{target.name}.log", *map(str, arguments))
        report.findings |= told.pop("findings")
        report.peak = max(report.peak, told.pop("resident"))
        report.figures.append(Figures(**told))
    report.seconds = time.perf_counter() - begun
    return report


def _in_a_process(log: Path, *arguments: str) -> dict[str, Any]:
    environment = os.environ | {"PYTHONPATH": f"{_ROOT}:{sysconfig.get_path('purelib')}"}
    command = [str(_PYTHON), "-m", "tests.fuzz.guided", *arguments]
    with log.open("wb") as errors:
        done = subprocess.run(
            command, env=environment, stdout=subprocess.PIPE, stderr=errors, check=True
        )
    told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return told


class _Explorer:
    """What atheris calls: with bytes to show, and with bytes to change."""

    def __init__(self, target: Target, messages: int, seed: int, found: Path) -> None:
        self._target = target
        self._messages = messages
        self._found = found
        self._mutator = Mutator(Random(seed), target.framing, target.seeds, target.tokens)
        self._figures = Figures(target.name)
        self._places: set[str] = set()
        self._findings: dict[str, str] = {}

    def show(self, packed: bytes) -> None:
        shown = unpack(packed)
        figures, begun = self._figures, time.perf_counter()
        try:
            figures.messages += self._target.check(shown).messages
        except Exception as fault:
            figures.messages += 1
            self._keep(describe(self._target, fault, shown))
        elapsed = time.perf_counter() - begun
        figures.conversations += 1
        figures.bytes += shown.size
        figures.seconds += elapsed
        figures.longest_ms = max(figures.longest_ms, elapsed * 1000)
        if figures.messages >= self._messages:
            self._end()

    def _end(self) -> None:
        told = asdict(self._figures) | {"findings": self._findings, "resident": limits.resident()}
        print(json.dumps(told), flush=True)
        os._exit(0)  # the library's own end does not come back here

    def change(self, packed: bytes, most: int, _: int) -> bytes:
        return self._mutator.change(unpack(packed)).pack()[:most]

    def _keep(self, finding: Finding) -> None:
        if finding.place not in self._places:
            self._places.add(finding.place)
            smallest = shrink(self._target, finding)
            self._findings[str(keep(smallest, self._target, self._found))] = smallest.error


def _explore(kind: str, name: str, messages: str, seed: str, found: str) -> None:
    atheris: Any = import_module("atheris")
    with atheris.instrument_imports(include=["protocols"]):
        kinds: Any = import_module("tests.fuzz.kinds")
    target = next(t for t in kinds.KINDS[kind](kinds.CORPUS / kind) if t.name == name)
    explorer = _Explorer(target, int(messages), int(seed), Path(found))
    learned = Path(found) / "reached" / name
    learned.mkdir(parents=True, exist_ok=True)
    for number, conversation in enumerate(target.seeds):
        (learned / f"seed-{number}").write_bytes(conversation.pack())
    bounds = [f"-max_len={_MOST_BYTES}", f"-rss_limit_mb={_RESIDENT_MEBIBYTES}", f"-seed={seed}"]
    settings = ["fuzz", *bounds, "-timeout=120", "-verbosity=0", str(learned)]
    atheris.Setup(settings, explorer.show, custom_mutator=explorer.change)
    with limits.slowed(_PATIENCE):
        atheris.Fuzz()


if __name__ == "__main__":
    _explore(*sys.argv[1:])

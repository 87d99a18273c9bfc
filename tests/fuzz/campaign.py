"""A campaign: so many messages at every target, of one seed, in one process.

Time is bounded for every conversation by its target. Memory is measured in three ways: a target
weighs what its parser keeps; of some conversations all that Python allocates is traced; and what
the process has in memory may not grow once all targets have had their turn.
"""

import time
import tracemalloc
from collections.abc import Iterator, Sequence
from pathlib import Path
from random import Random

from tests.fuzz.conversation import Conversation
from tests.fuzz.findings import Finding, describe, keep, shrink
from tests.fuzz.limits import ending, resident, slowed
from tests.fuzz.mutation import Mutator
from tests.fuzz.report import Figures, Report
from tests.fuzz.target import Breach, Checked, Target

_TRACED = 500  # one conversation of so many
_TRACING = 30.0  # times as long as without
_TURN = 5.0  # seconds
_LEARNED = 2_000  # conversations
_SEED_BYTES = 4_096
_MOST_OUTCOMES = 100_000
_PER_BYTE = 100
_GROWTH = 128 << 20


class _Run:
    """One target's part of a campaign, the same whatever the other targets' parts are."""

    def __init__(self, target: Target, messages: int, seed: int) -> None:
        self.target = target
        self._messages = messages
        self.figures = Figures(target.name)
        self._random = Random(f"{seed} {target.name}")
        self._mutator = Mutator(self._random, target.framing, target.seeds, target.tokens)
        self._seen: set[int] = set()

    @property
    def over(self) -> bool:
        return self.figures.messages >= self._messages

    def turn(self, seconds: float) -> Iterator[Finding]:
        """Go on until all messages are shown, or the time is over."""
        until = time.perf_counter() + seconds
        while not self.over and time.perf_counter() < until:
            if finding := self._step():
                yield finding

    def _step(self) -> Finding | None:
        """One conversation: at first the seeds themselves, then what is made of them."""
        seeds, number = self.target.seeds, self.figures.conversations
        shown = seeds[number] if number < len(seeds) else self._mutator.make()
        begun = time.perf_counter()
        try:
            self._show(shown)
        except Exception as fault:
            self.figures.messages += 1
            return describe(self.target, fault, shown)
        finally:
            self._count(shown, time.perf_counter() - begun)
        return None

    def _show(self, shown: Conversation) -> None:
        check = self.target.check
        with ending():
            if self.target.memory is None or self.figures.conversations % _TRACED:
                checked = check(shown)
            else:
                checked = self._trace(shown, self.target.memory + _PER_BYTE * shown.size)
        self.figures.messages += checked.messages
        outcome = hash(checked.outcome)
        if outcome not in self._seen and len(self._seen) < _MOST_OUTCOMES:
            self._seen.add(outcome)
            if shown.size <= _SEED_BYTES:
                self._go_on_from(shown)

    def _trace(self, shown: Conversation, bound: int) -> Checked:
        tracemalloc.start()
        try:
            with slowed(_TRACING):
                checked = self.target.check(shown)
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
        self.figures.traced_peak = max(self.figures.traced_peak, peak)
        if peak > bound:
            raise Breach(f"took {peak} bytes of memory, more than {bound}")
        return checked

    def _go_on_from(self, shown: Conversation) -> None:
        """Learn it; in the place of another one that was learned, where there are many."""
        seeds, given = self._mutator.seeds, len(self.target.seeds)
        if len(seeds) < given + _LEARNED:
            seeds.append(shown)
        else:
            seeds[self._random.randrange(given, len(seeds))] = shown

    def _count(self, shown: Conversation, seconds: float) -> None:
        figures = self.figures
        figures.conversations += 1
        figures.bytes += shown.size
        figures.seconds += seconds
        figures.longest_ms = max(figures.longest_ms, seconds * 1000)
        figures.outcomes = len(self._seen)


class Campaign:
    """`run` shows so many messages to all targets together, and returns what it saw."""

    def __init__(self, targets: Sequence[Target], messages: int, seed: int, found: Path) -> None:
        part = -(-messages // sum(target.share for target in targets))
        self._runs = [_Run(target, part * target.share, seed) for target in targets]
        self._folder = found
        self._places: set[str] = set()
        self._report = Report(seed, [run.figures for run in self._runs])

    def run(self) -> Report:
        begun = time.perf_counter()
        while waiting := [run for run in self._runs if not run.over]:
            for run in waiting:
                for finding in run.turn(_TURN):
                    self._found(finding, run.target)
                self._sample()
            self._report.settled = self._report.settled or resident()
        self._report.seconds = time.perf_counter() - begun
        return self._report

    def _found(self, finding: Finding, target: Target) -> None:
        """Tell of each kind of finding once."""
        if finding.place in self._places:
            return
        self._places.add(finding.place)
        smallest = shrink(target, finding)
        self._report.findings[str(keep(smallest, target, self._folder))] = smallest.error

    def _sample(self) -> None:
        report = self._report
        report.peak = max(report.peak, resident())
        if report.settled and report.peak - report.settled > _GROWTH:
            report.findings["the campaign"] = f"memory grew by more than {_GROWTH} bytes"

"""Watches what the run's processes show to others: their arguments and their environments.

Starts made by the tests are seen without fail, by an audit hook. What those processes start in turn
is sampled, so a test of a grandchild lets it live for a moment. Without /proc nothing is sampled.
"""

import os
import re
import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import dropwhile
from pathlib import Path
from typing import Any

# The two places for a secret in an environment: the _envjson provider's input, in keyless itself,
PROVIDER_INPUT = b"KEYLESS_TEST_SECRET_"
# and what `keyless exec` gives to its command, which no test gives to a program.
COMMAND_INPUT = b"KEYLESS_TEST_COMMAND_"
_INTERVAL = 0.2
_PROC = Path("/proc")

Examine = Callable[[str, bytes], None]


class ProcessWatch(threading.Thread):
    """Hands every argument list and environment entry to `examine`, with words for its place."""

    def __init__(self, examine: Examine) -> None:
        super().__init__(name="process watch", daemon=True)
        self._examine = examine
        self._over = threading.Event()
        self._family: dict[int, int] = {}  # pid to start time, for pids are used again
        self.sampled = 0
        self.started = 0
        sys.addaudithook(self._on_audit_event)

    def run(self) -> None:
        while not self._over.wait(_INTERVAL):
            self.sample()

    @property
    def blind(self) -> bool:
        """Whether there was something to sample with, and nothing was sampled."""
        return _PROC.exists() and not self.sampled

    def stop(self) -> None:
        self._over.set()
        self.join()

    def sample(self) -> None:
        """Look at every descendant, also at those whose parent has gone since the last look."""
        processes = dict(_processes())
        known = {pid for pid, born in self._family.items() if processes.get(pid, (0, 0))[1] == born}
        family = dict(_descendants(known | {os.getpid()}, processes))
        self.sampled += sum(self._family.get(pid) != born for pid, born in family.items())
        self._family = family
        for pid in family:
            self._look_at(pid)

    def _look_at(self, pid: int) -> None:
        try:
            arguments = (_PROC / f"{pid}/cmdline").read_bytes().split(b"\0")
            environment = (_PROC / f"{pid}/environ").read_bytes().split(b"\0")
        except OSError:  # it has ended, or is not ours to look at
            return
        others = [entry for entry in environment if not entry.startswith(COMMAND_INPUT)]
        self._judge(arguments, others)

    def _on_audit_event(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event != "subprocess.Popen" or self._over.is_set():
            return
        _, command, _, environment = arguments
        words = [command] if isinstance(command, str | bytes | os.PathLike) else command
        variables: Mapping[Any, Any] = os.environ if environment is None else environment
        self.started += 1
        self._judge(
            [os.fsencode(word) for word in words],
            [os.fsencode(name) + b"=" + os.fsencode(value) for name, value in variables.items()],
        )

    def _judge(self, arguments: Sequence[bytes], environment: Iterable[bytes]) -> None:
        program = os.path.basename(arguments[0]).decode(errors="replace")
        self._examine(f"the arguments of {program}", b"\0".join(arguments))
        keyless = _is_keyless(arguments)
        for entry in environment:
            if not (keyless and entry.startswith(PROVIDER_INPUT)):
                self._examine(f"the environment of {program}", entry)


def _is_keyless(arguments: Sequence[bytes]) -> bool:
    program, *rest = arguments
    if re.fullmatch(rb"python[\d.]*", os.path.basename(program)):
        rest = list(dropwhile(lambda word: word.startswith(b"-") and word != b"-m", rest))
        if rest[:1] == [b"-m"] and rest[1] in (b"proxy.cli", b"proxy.cli.worker"):
            return True
        program = rest[0] if rest else program
    return os.path.basename(program) == b"keyless"


def _processes() -> Iterator[tuple[int, tuple[int, int]]]:
    """Every process as pid, (parent, start time)."""
    for directory in _PROC.glob("[0-9]*"):
        try:
            # The name before the last parenthesis may itself hold spaces and parentheses.
            fields = (directory / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        yield int(directory.name), (int(fields[1]), int(fields[19]))


def _descendants(
    roots: Iterable[int], processes: Mapping[int, tuple[int, int]]
) -> Iterator[tuple[int, int]]:
    """The roots but for this process, and all of `processes` below them, with start times."""
    family = set(roots)
    for pid, (parent, born) in sorted(processes.items(), key=lambda item: (item[1][1], item[0])):
        if parent in family:
            family.add(pid)
        if pid in family and pid != os.getpid():
            yield pid, born

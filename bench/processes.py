"""What a process costs, with all its threads and with the processes below it."""

import os
from collections import defaultdict
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

_PROC = Path("/proc")
_TICK = os.sysconf("SC_CLK_TCK")


def cpu_seconds(pid: int) -> tuple[float, float]:
    """User and system time so far, that of children which have ended included."""
    user = system = 0
    for one in _family(pid):
        with suppress(OSError):  # it has ended since, and its parent has its time
            fields = _stat(one)
            user += int(fields[11]) + int(fields[13])
            system += int(fields[12]) + int(fields[14])
    return user / _TICK, system / _TICK


def memory(pid: int) -> int:
    """Bytes; of what several processes share, each has its part (PSS)."""
    total = 0
    for one in _family(pid):
        rollup = (_PROC / f"{one}/smaps_rollup").read_text()
        line = next(line for line in rollup.splitlines() if line.startswith("Pss:"))
        total += int(line.split()[1]) * 1024
    return total


def _family(pid: int) -> Iterator[int]:
    """The process and all below it."""
    children: dict[int, list[int]] = defaultdict(list)
    for folder in _PROC.glob("[0-9]*"):
        with suppress(OSError):
            children[int(_stat(int(folder.name))[1])].append(int(folder.name))
    waiting = [pid]
    while waiting:
        one = waiting.pop()
        waiting += children[one]
        yield one


def _stat(pid: int) -> list[str]:
    """The fields behind the name, which may itself hold spaces and parentheses."""
    return (_PROC / f"{pid}/stat").read_text().rpartition(")")[2].split()

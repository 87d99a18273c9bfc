"""What processes cost, their children's part of it included."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from bench import processes

_BUSY = "import time\nwhile time.process_time() < {seconds}: pass\n"
_LARGE = "held = bytearray(b'x' * (64 << 20))\n"
_WAIT = "print(flush=True); input()\n"


@contextmanager
def _python(code: str) -> Iterator[int]:
    """One that has done this, and waits."""
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        yield process.pid
        process.communicate("\n")


def _with_a_child(code: str) -> str:
    child = f"[sys.executable, '-c', {code!r}]"
    pipes = "stdin=subprocess.PIPE, stdout=subprocess.PIPE"
    lines = f"import subprocess, sys\nchild = subprocess.Popen({child}, {pipes})\n"
    return f"{lines}child.stdout.readline()\n{_WAIT}child.communicate(b'\\n')\n"


def test_time_is_that_of_the_process_and_of_those_below_it() -> None:
    busy = _BUSY.format(seconds=0.3) + _WAIT
    with _python(busy) as alone, _python(_with_a_child(busy)) as parent, _python(_WAIT) as calm:
        assert sum(processes.cpu_seconds(alone)) >= 0.25
        assert sum(processes.cpu_seconds(parent)) >= 0.25
        assert sum(processes.cpu_seconds(calm)) < 0.2


def test_memory_is_that_of_the_process_and_of_those_below_it() -> None:
    large = _LARGE + _WAIT
    with _python(large) as alone, _python(_with_a_child(large)) as parent, _python(_WAIT) as small:
        least = processes.memory(small) + (60 << 20)
        assert processes.memory(alone) > least
        assert processes.memory(parent) > least

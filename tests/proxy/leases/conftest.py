"""Another process that has a journal of its own, to be killed or left alone."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

_SCRIPT = """
import sys
from pathlib import Path
from proxy.leases.journal import Journal
journal = Journal(Path(sys.argv[1]))
for lease in sys.argv[2:]:
    journal.begun(("standin", lease))
journal.begun(("standin", "over"))
journal.ended(("standin", "over"))
print("ready", flush=True)
sys.stdin.read()
"""

Process = subprocess.Popen[str]
StartProcess = Callable[..., Process]


@pytest.fixture
def folder(artefacts: Path, request: pytest.FixtureRequest) -> Path:
    """Where the journals of a test are; not made yet."""
    name: str = request.node.name
    return artefacts / f"leases-{name}"


@pytest.fixture
def start_process(folder: Path) -> Iterator[StartProcess]:
    """Starts one with these leases of `standin` live, and one that has ended."""
    started: list[Process] = []

    def start(*leases: str) -> Process:
        process = subprocess.Popen(
            [sys.executable, "-c", _SCRIPT, str(folder), *leases],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()

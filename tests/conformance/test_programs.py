"""A suite's program ends in time, and so does whatever it started."""

import os
import sys
from pathlib import Path

import pytest

from tests.conformance import programs
from tests.conformance.suite import SuiteError
from tests.waiting import eventually

_STARTS_ANOTHER = """\
import subprocess, time
print(subprocess.Popen(["sleep", "60"]).pid, flush=True)
time.sleep(60)
"""


def _run(log: Path, code: str, seconds: float) -> int | None:
    return programs.run(
        [sys.executable, "-c", code],
        folder=log.parent,
        environment=programs.environment({"MORE": "this"}),
        seconds=seconds,
        log=log,
    )


def test_its_exit_code_and_output(tmp_path: Path) -> None:
    log = tmp_path / "log"
    assert _run(log, "import os; print(os.environ['MORE']); exit(3)", 30) == 3
    assert log.read_text() == "this\n"


def test_it_ends_in_time_with_all_that_it_started(tmp_path: Path) -> None:
    log = tmp_path / "log"
    assert _run(log, _STARTS_ANOTHER, 2) is None
    started = int(log.read_text())
    eventually(lambda: not _runs(started))


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"


def test_what_cannot_be_fetched_is_told_with_its_last_words(tmp_path: Path) -> None:
    with pytest.raises(SuiteError, match=r"(?s)sh -c .* failed:.*no such package"):
        programs.fetch(["sh", "-c", "echo no such package >&2; exit 1"], tmp_path)
    with pytest.raises(SuiteError, match=r"no-such-program could not be run: .*No such file"):
        programs.fetch(["no-such-program"], tmp_path)


def test_a_build_is_nobodys_part(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAKELEVEL", "1")
    monkeypatch.setenv("MAKEFLAGS", "--jobserver-auth=3,4")
    assert "MAKE" not in programs.fetch(["env"], tmp_path)

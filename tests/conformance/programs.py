"""Programs that a suite consists of: each ends in time, and has a log and little else."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from tests.conformance.suite import SuiteError

_FETCH_SECONDS = 1800
_LAST_WORDS = 20
_MAKES_OWN = "MAKE", "MFLAGS"


def environment(more: Mapping[str, str]) -> dict[str, str]:
    """What a suite's programs are given: nothing of ours but the way to other programs."""
    usual = {"PATH": os.environ["PATH"], "HOME": os.environ["HOME"], "LC_ALL": "C.UTF-8"}
    return {**usual, **more}


def run(
    command: Sequence[str | Path],
    *,
    folder: Path,
    environment: Mapping[str, str],
    seconds: float,
    log: Path,
) -> int | None:
    """Run a program in `folder`, its output in `log`: its exit code, or None if it was ended."""
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # a group of its own, so that what it started ends with it
        )
        try:
            return process.wait(seconds)
        except subprocess.TimeoutExpired:
            return None
        finally:
            _end_group(process)


def fetch(command: Sequence[str | Path], folder: Path) -> str:
    """Run a program that prepares a suite, with all of our environment, and return its output.

    But for make's: a build that takes itself for a part of `make conformance` leaves things out.
    """
    ours = {name: value for name, value in os.environ.items() if not name.startswith(_MAKES_OWN)}
    try:
        done = subprocess.run(
            command,
            cwd=folder,
            env=ours,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            timeout=_FETCH_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise SuiteError(f"{_text(command)} could not be run: {error}") from None
    if done.returncode:
        last_words = "\n".join((done.stdout + done.stderr).splitlines()[-_LAST_WORDS:])
        raise SuiteError(f"{_text(command)} failed:\n{last_words}")
    return done.stdout


def virtual_environment(folder: Path, *requirements: str) -> Path:
    """A Python with exactly these packages and what they need: its interpreter's path."""
    python = folder / "bin" / "python"
    wanted, installed = "\n".join(requirements), folder / "installed"
    if not installed.exists() or installed.read_text() != wanted:
        fetch([sys.executable, "-m", "venv", "--clear", folder], folder.parent)
        fetch([python, "-m", "pip", "install", "--quiet", *requirements], folder)
        installed.write_text(wanted)
    return python


def source_distribution(requirement: str, cache: Path) -> Path:
    """A Python package's sources as they were published, `requirement` with its exact version."""
    folder = cache / requirement
    if not folder.exists():
        with tempfile.TemporaryDirectory(dir=cache) as scratch:
            options = ("--quiet", "--no-deps", f"--no-binary={requirement.partition('=')[0]}")
            pip = [sys.executable, "-m", "pip", "download", *options, f"--dest={scratch}"]
            fetch([*pip, requirement], cache)
            (archive,) = Path(scratch).iterdir()
            fetch(["tar", "--extract", "--file", archive], Path(scratch))
            next(path for path in Path(scratch).iterdir() if path.is_dir()).rename(folder)
    return folder


def repository(address: str, tag: str, cache: Path) -> Path:
    """A git repository's sources at a tag."""
    folder = cache / tag
    if not folder.exists():
        need("git")
        with tempfile.TemporaryDirectory(dir=cache) as scratch:
            clone = ["git", "clone", "--quiet", "--depth=1", f"--branch={tag}", address, "sources"]
            fetch(clone, Path(scratch))
            (Path(scratch) / "sources").rename(folder)
    return folder


def need(program: str, hint: str = "") -> None:
    """Raises SuiteError where it is not there."""
    if shutil.which(program) is None:
        raise SuiteError(f"there is no {program} on the PATH: install {hint or program}")


def _text(command: Sequence[str | Path]) -> str:
    return " ".join(map(str, command))


def _end_group(process: subprocess.Popen[bytes]) -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()

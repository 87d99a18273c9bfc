"""Suites that pytest runs, in a virtual environment of their own."""

from collections.abc import Mapping
from pathlib import Path

from tests.conformance import junit, programs
from tests.conformance.suite import Results, SuiteError

REQUIREMENTS = ("pytest", "pytest-timeout")
_ONE_TEST = 120  # seconds, so that one that hangs fails alone


def run(
    python: Path,
    *options: str,
    folder: Path,
    logs: Path,
    environment: Mapping[str, str],
    seconds: float,
) -> Results:
    """Run pytest in `folder`, where the suite's tests are."""
    results, log = logs / "results.xml", logs / "pytest.log"
    programs.run(
        [
            *(python, "-m", "pytest", "-q", "-rfE", f"--override-ini=cache_dir={logs / 'cache'}"),
            *(f"--timeout={_ONE_TEST}", f"--junitxml={results}", *options),
        ],
        folder=folder,
        environment={"PYTHONDONTWRITEBYTECODE": "1", **environment},
        seconds=seconds,
        log=log,
    )
    if not results.exists():
        last_words = "\n".join(log.read_text(errors="replace").splitlines()[-20:])
        raise SuiteError(f"pytest told no results within {seconds:g} s:\n{last_words}")
    return junit.read(results)

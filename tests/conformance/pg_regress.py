"""PostgreSQL's harness `pg_regress`, which compares what sessions print with what they should."""

import re
import shutil
import tempfile
from collections import Counter
from pathlib import Path

from tests.conformance import programs
from tests.conformance.suite import PASSED, Outcome, Results, Status
from tests.conformance.target import Target
from tests.conformance.upstreams import postgres_binaries

_TOLD = re.compile(r"^(?:test)? +(\S+) +\.\.\. (ok|FAILED|failed \(ignored\))", re.M)
_DIFFERENCE = re.compile(r"^diff .*/(\S+)\.out$")


def run(
    program: Path, schedule: str, target: Target, folder: Path, *, version: str, seconds: float
) -> Results:
    """Run a schedule with the harness `program`, in a copy of the folder where that is."""
    log = folder / "pg_regress.log"
    # The server, which may be somebody else, reads and writes there too.
    with tempfile.TemporaryDirectory(prefix="keyless-conformance-") as scratch:
        Path(scratch).chmod(0o755)
        work = Path(scratch) / "work"
        shutil.copytree(program.parent, work)
        (work / "results").mkdir()
        (work / "results").chmod(0o777)
        programs.run(
            [
                *(work / program.name, f"--schedule={schedule}", "--max-concurrent-tests=20"),
                *("--inputdir=.", f"--outputdir={work}", f"--dlpath={work}"),
                f"--bindir={postgres_binaries(version)}",
                *(f"--host={target.host}", f"--port={target.port}", f"--user={target.user}"),
            ],
            folder=work,
            # What libpq says of an end is expected to be what it says without TLS.
            environment=programs.environment({**target.libpq(), "PGSSLMODE": "disable"}),
            seconds=seconds,
            log=log,
        )
        shutil.copytree(work / "results", folder / "results")
        found = _differing_lines(work / "regression.diffs")
    told = dict(_TOLD.findall(log.read_text(errors="replace")))
    return {test: _outcome(word, found[test]) for test, word in told.items()}


def _outcome(word: str, lines: int) -> Outcome:
    return PASSED if word == "ok" else Outcome(Status.FAILED, f"{lines} lines differ")


def _differing_lines(differences: Path) -> Counter[str]:
    """How many lines of each test's output are not as expected."""
    found: Counter[str] = Counter()
    test = ""
    if differences.exists():
        for line in differences.read_text(errors="replace").splitlines():
            if begun := _DIFFERENCE.match(line):
                test = begun[1]
            elif line[:1] in ("+", "-"):
                found[test] += 1
    return found

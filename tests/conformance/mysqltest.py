"""The suites of MySQL and MariaDB themselves: each test is a script for their program mysqltest,
which compares what it is told with what is expected, byte by byte.

A server is not started for each test, as their own runner does. So only those tests are run that
take a server as it is, and let it go on. Tests that log in as somebody else than root are left out:
through Keyless everybody is whom the role says.
"""

import re
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TextIO

from tests.conformance.mysql_target import option_file, reset
from tests.conformance.suite import PASSED, Outcome, Results, Status, SuiteError
from tests.conformance.target import Target
from tests.servers.debian import ENVIRONMENT, Debian

_VERSION = re.compile(r"\d+\.\d+\.\d+")
_SKIPPED = 62
_ONE_TEST = 120.0  # seconds
_SOURCE = re.compile(r"^[\s-]*source\s+'?([^\s;$']+)", re.M | re.I)
_OPTIONS = ("-master.opt", "-master.sh", "-client.opt", ".opt", ".cnf", ".combinations")
_UNFIT = re.compile(
    r"""
      ^[\s-]* (exec\w* | perl | system | shutdown_server) \b
    | ^[\s-]* connect \s* \( [^,]*, [^,]*, \s* (?! root\b | \s*, ) [^,\s]
    | ^[\s-]* change_user \s+ (?! root\b )
    | \b (shutdown | restart) \s* ;
    | \b into \s+ (outfile | dumpfile) \s+ ['"] (?! \$)
    | \b install \s+ (plugin | component | soname)
    | restart_mysqld | kill_mysqld | force.restart | master-slave | have_debug | have_log_bin
    | have_binlog | big_test | have_ndb | not_valgrind
    | \$ (?! MYSQL\w*_(TEST_|TMP_|VAR)?DIR | mysql_err) (MYSQL\w* | EXE_\w+ | \w+_PLUGIN)
    """,
    re.M | re.I | re.X,
)


@dataclass(frozen=True, slots=True)
class Scripts:
    """Where a suite is in its Debian: the program, the folder of the suite, and within that the
    folders of the scripts and of what they should print."""

    debian: Debian
    program: str
    home: Path
    tests: str
    results: str

    def version(self) -> str:
        """The program's own word for it, which is also the suite's."""
        told = subprocess.run(
            self.debian.command(self.program, "--version"),
            stdout=subprocess.PIPE,
            text=True,
            check=True,
            env=ENVIRONMENT,
        ).stdout
        return str(_VERSION.findall(told)[-1])

    def fit(self) -> list[str]:
        """The names of the tests that can be run."""
        scripts = sorted(self._folder(self.tests).glob("*.test"))
        found = [script.stem for script in scripts if self._is_fit(script)]
        if not found:
            raise SuiteError(f"there are no tests in {self._folder(self.tests)}")
        return found

    def _is_fit(self, script: Path) -> bool:
        needed = any(script.with_name(script.stem + suffix).exists() for suffix in _OPTIONS)
        expected = self._folder(self.results) / f"{script.stem}.result"
        if needed or not expected.exists():
            return False
        return not any(map(_UNFIT.search, self._texts(script, set())))

    def _texts(self, script: Path, seen: set[Path]) -> Iterator[str]:
        """A script and all that it includes, as far as that can be told without running it."""
        if script in seen or not script.exists():
            return
        seen.add(script)
        text = script.read_text("latin-1")
        yield text
        for name in _SOURCE.findall(text):
            yield from self._texts(self._folder(name), seen)
            yield from self._texts(script.parent / name, seen)

    def _folder(self, name: str) -> Path:
        assert self.debian.root is not None
        return self.debian.root / self.home.relative_to("/") / name


def run(scripts: Scripts, target: Target, folder: Path, *options: str) -> Results:
    """Every test that is fit, on a server that is swept before each. Failures go to a log."""
    with option_file(target) as login, TemporaryDirectory(prefix="keyless-") as scratch:
        mysqltest = _Mysqltest(scripts, target, login, Path(scratch), options)
        with (folder / "failures.log").open("w") as failures:
            return {test: mysqltest.run(test, failures) for test in scripts.fit()}


class _Mysqltest:
    """The program on a target. `scratch` is for its files and for those of the server."""

    def __init__(
        self,
        scripts: Scripts,
        target: Target,
        login: Path,
        scratch: Path,
        options: Sequence[str],
    ) -> None:
        self._scripts, self._target = scripts, target
        scratch.chmod(0o777)  # the server is another user
        (scratch / "std_data").symlink_to(scripts.home / "std_data")
        usual = ("--database=test", "--silent", "--protocol=tcp", f"--basedir={scripts.home}/")
        places = (f"--tmpdir={scratch}", f"--logdir={scratch}")
        self._words = (f"--defaults-file={login}", *usual, *places, *options)
        self._environment = {**ENVIRONMENT, **_variables(scripts, target, scratch)}

    def run(self, test: str, failures: TextIO) -> Outcome:
        reset(self._target, "test")
        scripts = self._scripts
        script = f"--test-file={scripts.home}/{scripts.tests}/{test}.test"
        expected = f"--result-file={scripts.home}/{scripts.results}/{test}.result"
        try:
            done = subprocess.run(
                scripts.debian.command(scripts.program, *self._words, script, expected),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                encoding="latin-1",
                timeout=_ONE_TEST,
                check=False,
                env=self._environment,
            )
        except subprocess.TimeoutExpired:
            return Outcome(Status.FAILED, f"it did not end within {_ONE_TEST:g} s")
        outcome = _outcome(done.returncode, done.stdout)
        if outcome.status is Status.FAILED:
            failures.write(f"==== {test}\n{done.stdout}\n")
        return outcome


def _variables(scripts: Scripts, target: Target, scratch: Path) -> dict[str, str]:
    """What their own runner tells the tests of the world."""
    return {
        "MASTER_MYPORT": str(target.port),
        "MYSQLTEST_VARDIR": str(scratch),
        "MYSQL_TEST_DIR": str(scripts.home),
        "MYSQL_TMP_DIR": str(scratch),
        "TZ": "GMT-3",
    }


def _outcome(code: int, told: str) -> Outcome:
    if code == 0:
        return PASSED
    reasons = [line for line in told.splitlines() if "mysqltest: " in line or "At line" in line]
    status = Status.SKIPPED if code == _SKIPPED else Status.FAILED
    return Outcome(status, reasons[-1][:200] if reasons else f"exit code {code}")

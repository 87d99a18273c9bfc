"""sysbench's transactions, for what they do and not for how fast: text and prepared, by several
clients at once. Its rows are random, whatever the seed, so what is in its tables proves nothing.
"""

import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.conformance import programs
from tests.conformance.suite import PASSED, Outcome, Results, Status, Suite, SuiteError
from tests.conformance.target import Target

_TABLES, _ROWS = 2, 2000
_WORKS = (
    "oltp_read_write",
    "oltp_read_only",
    "oltp_write_only",
    "oltp_point_select",
    "oltp_insert",
    "oltp_update_index",
    "oltp_update_non_index",
    "oltp_delete",
    "select_random_points",
    "select_random_ranges",
)
_STATEMENTS = {"text": "--db-ps-mode=disable", "prepared": "--db-ps-mode=auto"}
_NO_RECONNECT = re.compile(r"^ +reconnects: +0 ", re.M)


class Sysbench(Suite):
    """`threads` clients at once do `events` transactions together, of every work in every mode."""

    name = "sysbench"
    about = "transactions as text and prepared, by several clients at once"
    kind = "mysql"
    server = "mariadb"
    threads = 4
    events = 400

    def prepare(self, cache: Path) -> str:
        if shutil.which("sysbench") is None:
            raise SuiteError("there is no sysbench here: apt-get install sysbench")
        return programs.fetch(["sysbench", "--version"], cache).split()[1]

    def run(self, target: Target, folder: Path) -> Results:
        with TemporaryDirectory(prefix="keyless-") as scratch:
            config = Path(scratch) / "sysbench.conf"
            config.touch(0o600)
            config.write_text(_config(target))
            return dict(self._outcomes(target, config, folder))

    def _outcomes(
        self, target: Target, config: Path, folder: Path
    ) -> Iterator[tuple[str, Outcome]]:
        def call(name: str, work: str, what: str, *options: str) -> tuple[str, Outcome]:
            words = [f"--config-file={config}", *options, work, what]
            return name, _run(["sysbench", *words], folder, f"{name}.log", self.seconds)

        yield call("prepare", "oltp_common", "prepare")
        for mode, option in _STATEMENTS.items():
            together = (option, f"--threads={self.threads}", f"--events={self.events}")
            for work in _WORKS:
                yield call(f"{mode}, {work}", work, "run", *together)
            yield call(f"{mode} cleanup", "oltp_common", "cleanup")
            yield call(f"{mode} prepare", "oltp_common", "prepare")


def _config(target: Target) -> str:
    login = {"host": target.host, "port": target.port, "user": target.user, "db": target.database}
    if target.password:
        login["password"] = target.password
    lines = [f"mysql-{name}={value}\n" for name, value in login.items()]
    return "".join([*lines, f"tables={_TABLES}\n", f"table-size={_ROWS}\n", "time=0\n"])


def _run(command: list[str], folder: Path, name: str, seconds: float) -> Outcome:
    """It passes if it ends well, and if it was a run, without a lost connection. Deadlocks are the
    work's own, and are not counted."""
    log = folder / name
    environment = programs.environment({})
    code = programs.run(command, folder=folder, environment=environment, seconds=seconds, log=log)
    told = log.read_text()
    if code == 0 and (command[-1] != "run" or _NO_RECONNECT.search(told)):
        return PASSED
    return Outcome(Status.FAILED, f"exit code {code}: {' '.join(told.split())[-200:]}")


SUITE = Sysbench()

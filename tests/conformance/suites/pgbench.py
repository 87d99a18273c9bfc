"""PostgreSQL's own benchmark, for what it does and not for how fast.

Its transactions run in every query mode, with a connection for each, sent together and in
pipelines, and the books must balance at the end.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from tests.conformance import programs
from tests.conformance.suite import PASSED, Outcome, Results, Status, Suite
from tests.conformance.target import Target
from tests.conformance.upstreams import postgres_binaries

_VARIABLES = """\
\\set account random(1, 100000)
\\set teller random(1, 10)
\\set delta random(-5000, 5000)
"""
_TRANSFER = (
    "BEGIN",
    "UPDATE pgbench_accounts SET abalance = abalance + :delta WHERE aid = :account",
    "UPDATE pgbench_tellers SET tbalance = tbalance + :delta WHERE tid = :teller",
    "UPDATE pgbench_branches SET bbalance = bbalance + :delta WHERE bid = 1",
    "INSERT INTO pgbench_history (tid, bid, aid, delta, mtime)"
    " VALUES (:teller, 1, :account, :delta, CURRENT_TIMESTAMP)",
    "END",
)
_PIPELINE = "\\startpipeline\n", ";\n\\endpipeline\n"
_SCRIPTS: Mapping[str, str] = MappingProxyType(
    {
        "together": _VARIABLES + " \\; ".join(_TRANSFER) + ";\n",
        "pipeline": _VARIABLES + ";\n".join(_TRANSFER).join(_PIPELINE),
        "synced pipeline": _VARIABLES + ";\n\\syncpipeline\n".join(_TRANSFER).join(_PIPELINE),
    }
)
_TRANSFERS = ("tpcb-like", *_SCRIPTS)  # the works that write one line of history a transaction
_WORKS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "simple": ("select-only", "tpcb-like", "together"),  # together is one Query
        "extended": ("select-only", "tpcb-like", "pipeline", "synced pipeline"),
        "prepared": ("select-only", "tpcb-like", "pipeline", "synced pipeline"),
    }
)
_BOOKS = """\
SELECT CASE WHEN (SELECT sum(abalance) FROM pgbench_accounts) = sum(delta)
             AND (SELECT sum(tbalance) FROM pgbench_tellers) = sum(delta)
             AND (SELECT sum(bbalance) FROM pgbench_branches) = sum(delta)
       THEN 'balanced' ELSE 'not balanced' END, count(*) FROM pgbench_history
"""


class Pgbench(Suite):
    """`clients` at once do `transactions` each, of every work in every mode."""

    name = "pgbench"
    about = "transactions in the simple, extended and prepared query mode, and in pipelines"
    server = "18"  # whose pgbench can sync within a pipeline
    seconds = 300

    def __init__(self, clients: int = 8, transactions: int = 250) -> None:
        self._clients, self._transactions = clients, transactions

    def prepare(self, cache: Path) -> str:
        return programs.fetch([self._program("pgbench"), "--version"], cache).split()[-1]

    def run(self, target: Target, folder: Path) -> Results:
        return dict(self._outcomes(target, folder))

    def _outcomes(self, target: Target, folder: Path) -> Iterator[tuple[str, Outcome]]:
        for name, script in _SCRIPTS.items():
            (folder / f"{name}.sql").write_text(script)
        initialize = _Call(self._program("pgbench"), target, folder, "initialize")
        yield initialize.name, initialize.run(self.seconds, "-i", "-q")
        for mode, works in _WORKS.items():
            for work in works:
                yield self._work(target, folder, mode, work)
        yield self._work(target, folder, "simple", "select-only", "--connect")
        yield self._books(target, folder)

    def _work(
        self, target: Target, folder: Path, mode: str, work: str, *more: str
    ) -> tuple[str, Outcome]:
        call = _Call(self._program("pgbench"), target, folder, ", ".join((mode, work, *more)))
        what = f"--file={work}.sql" if work in _SCRIPTS else f"--builtin={work}"
        size = f"--client={self._clients}", f"--transactions={self._transactions}"
        return call.name, call.run(
            self.seconds,
            *("--no-vacuum", f"--protocol={mode}", what, *size, *more),
            expected=f"processed: {self._all}/{self._all}\nnumber of failed transactions: 0 ",
        )

    def _books(self, target: Target, folder: Path) -> tuple[str, Outcome]:
        works = sum(work in _TRANSFERS for works in _WORKS.values() for work in works)
        call = _Call(self._program("psql"), target, folder, "books")
        expected = f"balanced|{works * self._all}\n"
        return call.name, call.run(self.seconds, "-XAt", f"--command={_BOOKS}", expected=expected)

    def _program(self, name: str) -> Path:
        return postgres_binaries(self.server) / name

    @property
    def _all(self) -> int:
        return self._clients * self._transactions


@dataclass(frozen=True, slots=True)
class _Call:
    """A program on a target, by the name of the test that it is."""

    program: Path
    target: Target
    folder: Path
    name: str

    def run(self, seconds: float, *options: str, expected: str = "") -> Outcome:
        """It passes if it ends well, and says what is expected."""
        log = self.folder / f"{self.name}.log"
        code = programs.run(
            [self.program, *options],
            folder=self.folder,
            environment=programs.environment(self.target.libpq()),
            seconds=seconds,
            log=log,
        )
        told = log.read_text()
        if code == 0 and expected in told:
            return PASSED
        return Outcome(Status.FAILED, f"exit code {code}: {' '.join(told.split())[-200:]}")


SUITE = Pgbench()

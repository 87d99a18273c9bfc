"""COPY of much at once, both ways; afterwards the audit has to tell every row and every byte."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from bench.audits import Tail
from bench.findings import Finding
from bench.peers import Peer, running
from bench.plan import MEBI, Notes, Plan
from bench.postgres import Database, database
from bench.recipes import ACCOUNT
from bench.rounds import Case, Done, measure
from bench.works import own_folder

_LENGTHS = (1000, 100)  # of rows
_NOTHING = Path("/dev/null")


@dataclass(frozen=True, slots=True)
class Rows:
    """A table of them, all different; `length` counts the byte that ends a line as well."""

    count: int
    length: int

    @property
    def table(self) -> str:
        return f"rows_{self.length}"

    @property
    def size(self) -> int:
        return self.count * self.length

    def make(self, base: Database) -> None:
        """None of it goes to the write-ahead log."""
        line = f"lpad(i::text, {self.length - 1}, 'x') AS line"
        base.server.execute(
            f"CREATE UNLOGGED TABLE {self.table} AS"
            f" SELECT {line} FROM generate_series(1, {self.count}) AS i;"
            f"GRANT ALL ON {self.table} TO public",
            ACCOUNT,
        )

    def write(self, file: Path) -> None:
        """The same, for COPY to read."""
        with file.open("w") as out:
            out.writelines(f"{i:x>{self.length - 1}}\n" for i in range(1, self.count + 1))


def copies(plan: Plan, notes: Notes) -> Iterator[Finding]:
    """Of long rows and of short ones."""
    with (
        own_folder() as folder,
        database(folder, notes, rows=False) as base,
        running(base.upstream, folder, notes) as peers,
    ):
        sink = "CREATE UNLOGGED TABLE sink (line text); GRANT ALL ON sink TO public"
        base.server.execute(sink, ACCOUNT)
        for length in _LENGTHS:
            rows, source = Rows(plan.bulk * MEBI // length, length), folder / "rows"
            rows.make(base)
            rows.write(source)
            out = partial(copy_out, base, rows)
            yield from measure(_case("out", rows), out, peers, plan.bulk_rounds)
            back = partial(_copy_in, base, rows, source)
            yield from measure(_case("in", rows), back, peers, plan.bulk_rounds)


def copy_out(base: Database, rows: Rows, peer: Peer) -> Done:
    return _copy(base, f"COPY {rows.table} TO STDOUT", _NOTHING, rows, peer)


def _case(way: str, rows: Rows) -> Case:
    return Case("copy", f"{way}, rows of {rows.length} bytes", "MiB/s")


def _copy_in(base: Database, rows: Rows, source: Path, peer: Peer) -> Done:
    base.server.execute("TRUNCATE sink", ACCOUNT)
    return _copy(base, "COPY sink FROM STDIN", source, rows, peer)


def _copy(base: Database, sql: str, source: Path, rows: Rows, peer: Peer) -> Done:
    tail = Tail(peer)
    seconds = base.programs.copy(sql, source, peer)
    wrong = tail.wrong("postgres.query", rows=rows.count, copied_bytes=rows.size)
    size = rows.size / MEBI
    return Done(size, size / seconds, wrong=wrong and f"{peer.name}, {sql}: {wrong}")

"""MySQL and MariaDB: sysbench's queries and transactions, LOAD DATA of a client's file, a dump."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path

from bench.audits import Tail
from bench.findings import Finding
from bench.mysql import Database, database, sysbench, sysbench_says
from bench.peers import Peer, running
from bench.plan import MEBI, Notes, Plan
from bench.recipes import ACCOUNT
from bench.rounds import Case, Done, measure
from bench.works import own_folder
from bench.works.queries import counted

_TABLES = ("--tables=2", "--table-size=10000")
_LENGTH = 200  # of a row, with the byte that ends it
_UNIT = "MiB/s"


def mysql(name: str, plan: Plan, notes: Notes) -> Iterator[Finding]:
    """All of it before one server."""
    with (
        own_folder() as folder,
        database(name, folder, notes) as base,
        running(base.upstream, folder, notes) as peers,
    ):
        sysbench_says(peers[0], *_TABLES, "oltp_common", "prepare")
        for work in ("oltp_point_select", "oltp_read_write"):
            for clients in plan.clients:
                options = (*_TABLES, f"--threads={clients}", f"--time={plan.seconds}", work, "run")
                case = Case(name, f"{work}, {counted(clients)}")
                yield from measure(case, partial(sysbench, options), peers, plan.rounds)
        yield from _bulk(name, base, folder, peers, plan)


def _bulk(
    name: str, base: Database, folder: Path, peers: list[Peer], plan: Plan
) -> Iterator[Finding]:
    rows = plan.load * MEBI // _LENGTH
    source = folder / "rows"
    with source.open("w") as out:
        out.writelines(f"{number:x>{_LENGTH - 1}}\n" for number in range(rows))
    base.server.execute(f"CREATE TABLE {ACCOUNT}.sink (line varchar({_LENGTH}))")
    load = partial(_load, base, source, rows)
    yield from measure(Case(name, "LOAD DATA LOCAL", _UNIT), load, peers, plan.bulk_rounds)
    dump = partial(_dump, base, rows)
    yield from measure(Case(name, "dump", _UNIT), dump, peers, plan.bulk_rounds)


def _load(base: Database, source: Path, rows: int, peer: Peer) -> Done:
    base.server.execute(f"TRUNCATE {ACCOUNT}.sink")
    tail, size = Tail(peer), rows * _LENGTH
    sql = f"LOAD DATA LOCAL INFILE '{source}' INTO TABLE sink"
    seconds = base.client("mysql", peer, "--local-infile=1", f"--execute={sql}", ACCOUNT)
    wrong = tail.wrong("mysql.query", affected_rows=rows, loaded_bytes=size)
    return Done(size / MEBI, size / MEBI / seconds, wrong=wrong and f"{peer.name}, LOAD: {wrong}")


def _dump(base: Database, rows: int, peer: Peer) -> Done:
    tail, size = Tail(peer), rows * _LENGTH
    options = ("--no-tablespaces", "--skip-lock-tables")
    seconds = base.client("mysqldump", peer, *options, ACCOUNT, "sink")
    wrong = tail.wrong("mysql.query", rows=rows)
    return Done(size / MEBI, size / MEBI / seconds, wrong=wrong and f"{peer.name}, dump: {wrong}")

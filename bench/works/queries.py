"""PostgreSQL's queries: one row by its key, in pgbench's three query modes, and its TPC-B."""

from collections.abc import Iterator, Sequence
from functools import partial

from bench.findings import Finding
from bench.peers import Peer, running
from bench.plan import Notes, Plan
from bench.postgres import Database, database
from bench.rounds import Case, measure
from bench.works import own_folder


def queries(plan: Plan, notes: Notes) -> Iterator[Finding]:
    """`pgbench -S`."""
    with (
        own_folder() as folder,
        database(folder, notes) as base,
        running(base.upstream, folder, notes) as peers,
    ):
        for mode in plan.modes:
            for clients in plan.clients:
                work = ("-S", "-M", mode, "-c", str(clients), "-T", str(plan.seconds))
                case = Case("queries", f"{mode}, {counted(clients)}")
                run = partial(base.programs.ask, work)
                yield from measure(case, run, peers, plan.rounds)


def selects(work: str, base: Database, peers: Sequence[Peer], plan: Plan) -> Iterator[Finding]:
    """The same in the simple mode, of another work."""
    for clients in plan.clients:
        asking = ("-S", "-c", str(clients), "-T", str(plan.seconds))
        run = partial(base.programs.ask, asking)
        yield from measure(Case(work, counted(clients)), run, peers, plan.rounds)


def transactions(plan: Plan, notes: Notes) -> Iterator[Finding]:
    """pgbench's own, which is like TPC-B."""
    with (
        own_folder() as folder,
        database(folder, notes) as base,
        running(base.upstream, folder, notes) as peers,
    ):
        for clients in plan.clients[:2]:
            run = partial(base.programs.ask, ("-c", str(clients), "-T", str(plan.seconds)))
            yield from measure(Case("tpcb", counted(clients)), run, peers, plan.rounds)


def counted(clients: int) -> str:
    """In words of a case."""
    return f"{clients} client{'s' if clients > 1 else ''}"

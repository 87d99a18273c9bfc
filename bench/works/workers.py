"""One worker and two. On few cores clients and servers leave them little room.

So connects go to a PgBouncer, which lets them in for next to nothing: what limits them is Keyless.
The queries are those of the other works.
"""

from collections.abc import Iterator
from functools import partial

from bench.findings import Finding
from bench.peers import Way, running
from bench.plan import Notes, Plan
from bench.postgres import database
from bench.recipes import HAPROXY, KEYLESS, PGBOUNCER
from bench.rounds import Case, measure
from bench.works import own_folder
from bench.works.crowds import before_a_pool
from bench.works.queries import counted

_WAYS = (
    Way("keyless 1 worker", KEYLESS, settings="workers = 1"),
    Way("keyless 2 workers", KEYLESS, settings="workers = 2"),
    Way("pgbouncer", PGBOUNCER),
    Way("haproxy", HAPROXY),
)
_CONNECTING = 8


def workers(plan: Plan, notes: Notes) -> Iterator[Finding]:
    """Where this Keyless has no workers, nothing."""
    with own_folder() as folder, database(folder, notes) as base:
        with before_a_pool(base, folder / "pooled", notes, _WAYS) as peers:
            if peers[0].audit is None:
                return
            work = ("-S", "-c", str(_CONNECTING), "-T", str(plan.seconds))
            run = partial(base.programs.connect, work)
            case = Case("workers", f"connects, {counted(_CONNECTING)}")
            yield from measure(case, run, peers, plan.rounds)
        with running(base.upstream, folder, notes, _WAYS) as peers:
            for clients in plan.clients[-1:]:
                work = ("-S", "-c", str(clients), "-T", str(plan.seconds))
                case = Case("workers", f"queries, {counted(clients)}")
                yield from measure(case, partial(base.programs.ask, work), peers, plan.rounds)

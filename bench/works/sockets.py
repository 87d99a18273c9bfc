"""The same queries with Unix sockets in place of TCP: to the client, to the database, and both."""

from collections.abc import Iterator

from bench.findings import Finding
from bench.peers import Way, running
from bench.plan import Notes, Plan
from bench.postgres import database
from bench.recipes import KEYLESS, PGBOUNCER
from bench.works import own_folder
from bench.works.queries import selects

_WAYS = (
    Way("keyless client", KEYLESS, by_socket=True),
    Way("keyless upstream", KEYLESS, upstream_by_socket=True),
    Way("keyless both", KEYLESS, by_socket=True, upstream_by_socket=True),
    Way("pgbouncer", PGBOUNCER),
    Way("pgbouncer both", PGBOUNCER, by_socket=True, upstream_by_socket=True),
)


def sockets(plan: Plan, notes: Notes) -> Iterator[Finding]:
    """A peer's name tells where it has them; the others, and the direct way, have TCP."""
    with (
        own_folder() as folder,
        database(folder, notes) as base,
        running(base.upstream, folder, notes, _WAYS) as peers,
    ):
        yield from selects("sockets", base, peers, plan)

"""Connects to a PostgreSQL that asks for a password by SCRAM.

The client shows it where nobody does so in its stead: directly, and through HAProxy. PgBouncer does
not log in anew but gives sessions to the next client, which Keyless never does.
"""

import time
from collections.abc import Iterator
from functools import partial

from psycopg import pq

from bench.findings import Finding
from bench.peers import Peer, Way, running
from bench.plan import Notes, Plan
from bench.postgres import BY_SCRAM, database
from bench.recipes import ACCOUNT, HAPROXY, KEYLESS, PASSWORD, PGBOUNCER
from bench.rounds import Case, Done, measure, percentile
from bench.works import own_folder
from bench.works.queries import counted

_RATE = 30  # a second
_WAYS = (
    Way("keyless", KEYLESS),
    Way("keyless spares", KEYLESS, of_role="spares = 8"),
    Way("pgbouncer", PGBOUNCER),
    Way("haproxy", HAPROXY),
)


def connects(plan: Plan, notes: Notes) -> Iterator[Finding]:
    """As many as there can be, and what each takes where there are thirty a second."""
    with (
        own_folder() as folder,
        database(folder, notes, hba=BY_SCRAM) as base,
        running(base.upstream, folder, notes, _WAYS) as peers,
    ):
        for clients in (1, 8):
            work = ("-S", "-c", str(clients), "-T", str(plan.seconds))
            run = partial(base.programs.connect, work)
            yield from measure(Case("connects", counted(clients)), run, peers, plan.rounds)
        paced = partial(_paced, plan.connects)
        case = Case("connects", f"{_RATE} a second", "ms")
        yield from measure(case, paced, peers, plan.bulk_rounds)


def _paced(count: int, peer: Peer) -> Done:
    """One after the other, at fixed times."""
    words = f"host={peer.host} port={peer.port} user={ACCOUNT} password={PASSWORD}"
    place = f"{words} dbname={ACCOUNT} sslmode=disable gssencmode=disable".encode()
    taken = []
    begun = time.perf_counter()
    for number in range(count):
        time.sleep(max(0, begun + number / _RATE - time.perf_counter()))
        before = time.perf_counter()
        session = pq.PGconn.connect(place)
        taken.append((time.perf_counter() - before) * 1000)
        if session.status != pq.ConnStatus.OK:
            told = session.get_error_message()
            raise SystemExit(f"connecting through {peer.name} failed: {told}")
        session.finish()
    taken.sort()
    return Done(count, p50=percentile(taken, 50), p99=percentile(taken, 99))

"""Thousands of sessions that do nothing: what each costs, and what they cost those that ask.

Behind the proxies is a PgBouncer that gives all of them a few sessions of a PostgreSQL, which could
not hold so many. What the kernel keeps for their sockets is the same for all, and not counted.
"""

import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path

from bench import processes
from bench.findings import Finding
from bench.peers import Peer, Way, running
from bench.plan import Notes, Plan
from bench.postgres import Database, database
from bench.recipes import HAPROXY, KEYLESS, MOST_SESSIONS, PGBOUNCER, POOL, Upstream
from bench.rounds import Case, measure
from bench.sessions import idle
from bench.works import own_folder

_WAYS = (
    Way("keyless", KEYLESS, settings=f"[limits]\nsessions = {MOST_SESSIONS}"),
    Way("pgbouncer", PGBOUNCER),
    Way("haproxy", HAPROXY),
)
_EACH, _AT_REST = "KB each", "CPU ms/s"
_WARM = 50  # sessions, before the first look at the memory
_SETTLED = 1.0  # seconds
_ASKING = 8


def idles(plan: Plan, notes: Notes) -> Iterator[Finding]:
    """Memory in the proxy's process for each, and its time while all are silent."""
    with own_folder() as folder, database(folder, notes) as base:
        for count in (min(count, MOST_SESSIONS) for count in plan.idle):
            with before_a_pool(base, folder / f"{count}", notes, _WAYS) as peers:
                for peer in peers:
                    yield _idle(peer, f"{count} sessions", count, plan, tls=False)
        count = min(plan.idle)
        with before_a_pool(base, folder / "tls", notes, _WAYS[:1]) as peers:
            for peer in peers:
                yield _idle(peer, f"{count} sessions, client TLS", count, plan, tls=True)


def crowds(plan: Plan, notes: Notes) -> Iterator[Finding]:
    """Queries of a few, among few and among many that are silent."""
    with (
        own_folder() as folder,
        database(folder, notes) as base,
        before_a_pool(base, folder / "proxies", notes, _WAYS) as peers,
    ):
        run = partial(base.programs.ask, ("-S", "-c", str(_ASKING), "-T", str(plan.seconds)))
        for count in (10, plan.among):
            with ExitStack() as stack:
                for peer in peers:
                    stack.enter_context(idle(peer, count))
                yield from measure(Case("crowd", f"among {count} idle"), run, peers, plan.rounds)


@contextmanager
def before_a_pool(
    base: Database, folder: Path, notes: Notes, ways: Sequence[Way]
) -> Iterator[list[Peer]]:
    """Proxies only: what is behind them is no peer."""
    folder.mkdir()
    with running(base.upstream, folder, notes, [Way("pool", POOL)]) as (_, pool):
        upstream = Upstream(kind="postgres", port=pool.port)
        with running(upstream, folder, notes, ways) as (_, *peers):
            yield peers


def _idle(peer: Peer, case: str, count: int, plan: Plan, *, tls: bool) -> Finding:
    assert peer.pid is not None
    with idle(peer, _WARM, tls=tls):
        pass
    time.sleep(_SETTLED)
    before = processes.memory(peer.pid)
    with idle(peer, count, tls=tls):
        time.sleep(_SETTLED)
        each = (processes.memory(peer.pid) - before) / count / 1024
        then = sum(peer.cpu_seconds())
        time.sleep(plan.rest)
        at_rest = (sum(peer.cpu_seconds()) - then) / plan.rest * 1000
    sample = {_EACH: each, _AT_REST: at_rest}
    return Finding("idle", case, peer.name, _EACH, [sample])

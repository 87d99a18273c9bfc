"""One worker and two. On few cores clients and servers leave them little room.

So what is asked is dear to the proxy and cheap to others: TLS on both sides, statements that come
in pipelines, and connects to a PgBouncer, which lets them in for next to nothing.
"""

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from bench.findings import Finding
from bench.peers import Way, running
from bench.plan import Notes, Plan
from bench.postgres import database
from bench.postgres_tls import database_with_tls
from bench.recipes import HAPROXY, KEYLESS, PGBOUNCER
from bench.rounds import Case, measure
from bench.works import own_folder
from bench.works.crowds import before_a_pool
from bench.works.queries import counted

_OURS = (
    Way("keyless 1 worker", KEYLESS, settings="workers = 1"),
    Way("keyless 2 workers", KEYLESS, settings="workers = 2"),
)
_WAYS = (*_OURS, Way("pgbouncer", PGBOUNCER), Way("haproxy", HAPROXY))
_CONNECTING = 8
_PIPELINE = "\\startpipeline\n" + "SELECT 1;\n" * 200 + "\\endpipeline\n"


def workers(plan: Plan, notes: Notes) -> Iterator[Finding]:
    """Peers' figures are there for those without TLS."""
    with own_folder() as folder:
        yield from _in_plain(plan, notes, folder)
    with own_folder() as folder:
        try:
            yield from _with_tls(plan, notes, folder)
        except pytest.skip.Exception as missing:
            notes.leave_out(f"workers with TLS: {missing}")


def _in_plain(plan: Plan, notes: Notes, folder: Path) -> Iterator[Finding]:
    clients = plan.clients[-1]
    with database(folder, notes) as base:
        with before_a_pool(base, folder / "pooled", notes, _WAYS) as peers:
            work = ("-S", "-c", str(_CONNECTING), "-T", str(plan.seconds))
            run = partial(base.programs.connect, work)
            case = Case("workers", f"connects, {counted(_CONNECTING)}")
            yield from measure(case, run, peers, plan.rounds)
        with running(base.upstream, folder, notes, _WAYS) as peers:
            work = ("-S", "-c", str(clients), "-T", str(plan.seconds))
            case = Case("workers", f"queries, {counted(clients)}")
            yield from measure(case, partial(base.programs.ask, work), peers, plan.rounds)


def _with_tls(plan: Plan, notes: Notes, folder: Path) -> Iterator[Finding]:
    script = folder / "pipeline.sql"
    script.write_text(_PIPELINE)
    clients = plan.clients[-1]
    often = ("-j", "2", "-c", str(clients), "-T", str(plan.seconds))
    with (
        database_with_tls(folder, notes) as base,
        running(base.upstream, folder, notes, _OURS) as found,
    ):
        peers = [replace(peer, sslmode="require") for peer in found]
        for name, work in (
            ("queries", ("-S",)),
            ("pipelines", ("-n", "-M", "prepared", "-f", str(script))),
        ):
            case = Case("workers", f"{name} with TLS, {counted(clients)}")
            run = partial(base.programs.ask, (*work, *often))
            yield from measure(case, run, peers, plan.rounds)

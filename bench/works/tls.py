"""The same queries and bulk where the proxy reaches the database by TLS, and clients it without.

The direct way is the client's own TLS. HAProxy begins with TLS at once, as PostgreSQL 17 and newer
take it; the others ask for it first. Nobody shows a password, so that a connect is little more than
TLS's handshake, which PostgreSQL never shortens.
"""

from collections.abc import Iterator
from functools import partial

import pytest

from bench.findings import Finding
from bench.peers import Way, running
from bench.plan import MEBI, Notes, Plan
from bench.postgres_tls import database_with_tls
from bench.recipes import HAPROXY, KEYLESS, PGBOUNCER
from bench.rounds import Case, measure
from bench.works import own_folder
from bench.works.copies import Rows, copy_out
from bench.works.queries import counted, selects

_CONNECTING = 8
_LENGTH = 1000
_WAYS = (Way("keyless", KEYLESS), Way("pgbouncer", PGBOUNCER), Way("haproxy", HAPROXY))


def tls(plan: Plan, notes: Notes) -> Iterator[Finding]:
    """Where this machine has no such PostgreSQL, nothing."""
    try:
        yield from _tls(plan, notes)
    except pytest.skip.Exception as missing:
        notes.leave_out(f"tls: {missing}")


def _tls(plan: Plan, notes: Notes) -> Iterator[Finding]:
    with (
        own_folder() as folder,
        database_with_tls(folder, notes) as base,
        running(base.upstream, folder, notes, _WAYS) as peers,
    ):
        yield from selects("tls", base, peers, plan)
        work = ("-S", "-c", str(_CONNECTING), "-T", str(plan.seconds))
        case = Case("tls", f"connects, {counted(_CONNECTING)}")
        yield from measure(case, partial(base.programs.connect, work), peers, plan.rounds)
        rows = Rows(plan.bulk * MEBI // _LENGTH, _LENGTH)
        rows.make(base)
        case = Case("tls", f"COPY out, rows of {_LENGTH} bytes", "MiB/s")
        yield from measure(case, partial(copy_out, base, rows), peers, plan.bulk_rounds)

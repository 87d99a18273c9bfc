"""The login's other half: the role's hosts in turn, with TLS and without, until one is as it should
be. What one connection does is in `protocols.postgres.session`.
"""

from collections.abc import Generator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from protocols.api import Command, Endpoint, Nonce, Send, Side, TakeSpare
from protocols.errors import Reason, Refusal, ServerProtocolError
from protocols.postgres.demands import TargetSession
from protocols.postgres.encryption import other_way_may_do, ways
from protocols.postgres.login import PostgresLogin
from protocols.postgres.messages import StartupMessage
from protocols.postgres.session import Session, begin
from protocols.postgres.upstream import TERMINATE, Upstream

_NEXT_HOST = (Reason.UPSTREAM_UNREACHABLE, Reason.UPSTREAM_STARTING)


def log_in(
    login: PostgresLogin, startup: StartupMessage, nonce: Nonce
) -> Generator[Command, Any, Session]:
    """Log in to the first host that can be reached and is what the role wants. One that refuses
    the login is not passed over, for the others would refuse it too."""
    faults: list[tuple[Endpoint, Refusal]] = []
    for wanted in login.target_session.rounds:
        for host in (login.endpoint, *login.fallbacks):
            at_host = replace(login, endpoint=host, fallbacks=())
            try:
                session = yield from _log_in_at(at_host, startup, nonce, wanted)
            except Refusal as refusal:
                if refusal.reason not in _NEXT_HOST:
                    raise
                faults.append((host, refusal))
            else:
                named = {"host": str(host)} if login.fallbacks else {}
                return replace(session, facts={**session.facts, **named})
    raise _all_in_vain(login, faults)


def take_spare(
    login: PostgresLogin, startup: StartupMessage, nonce: Nonce
) -> Generator[Command, Any, Session | None]:
    """A session that was logged in like this before anybody asked for it, where the role has such.

    Replication has none: an idle sender takes one of the few that a server has.
    """
    options = login.options
    if not options.spares or "replication" in startup.parameters:
        return None
    spare: Session | None = yield TakeSpare(
        role=login.role,
        target=login.without_credentials(),
        secret=login.credentials,
        startup=startup.encode(),
        log_in=lambda: _log_in_ahead(login, startup, nonce),
        farewell=TERMINATE,
        most=options.spares,
        seconds=options.spare_seconds,
    )
    return spare


def try_login(login: PostgresLogin, nonce: Nonce) -> Generator[Command, Any, Mapping[str, str]]:
    """Log in for nobody, and leave again. Returns the session's facts."""
    said = {"user": login.user, "application_name": "keyless check"}
    if login.database:
        said["database"] = login.database
    session = yield from log_in(login, StartupMessage((3, 0), said), nonce)
    yield Send(Side.UPSTREAM, TERMINATE)
    return session.facts


def _log_in_ahead(
    login: PostgresLogin, startup: StartupMessage, nonce: Nonce
) -> Generator[Command, Any, Session]:
    """For a client to come: upstream must have nothing to say but what any client is told."""
    session = yield from log_in(login, startup, nonce)
    if session.leftover:
        yield Send(Side.UPSTREAM, TERMINATE)
        raise ServerProtocolError(f'upstream of role "{login.role}" says more than it is asked')
    return session


def _log_in_at(
    login: PostgresLogin, startup: StartupMessage, nonce: Nonce, wanted: TargetSession
) -> Generator[Command, Any, Session]:
    """At one host, in the ways that SSLMODE leaves open."""
    refusals: list[Refusal] = []
    for way in ways(login):
        upstream = Upstream(way)
        try:
            return (yield from begin(upstream, startup, nonce, wanted))
        except Refusal as refusal:
            refusals.append(refusal)
            if not other_way_may_do(upstream, refusal):
                break
    *before, last = refusals
    if before:
        last.detail = "; ".join(refusal.detail or str(refusal) for refusal in refusals)
    raise last


def _all_in_vain(login: PostgresLogin, faults: Sequence[tuple[Endpoint, Refusal]]) -> Refusal:
    if not login.fallbacks:
        return faults[-1][1]
    starting = any(fault.reason is Reason.UPSTREAM_STARTING for _, fault in faults)
    wanted = login.target_session
    demand = "" if wanted is TargetSession.ANY else f" (TARGET_SESSION_ATTRS {wanted.value})"
    told = (f"{host}: {(f.detail or str(f)).removeprefix(f'{host}: ')}" for host, f in faults)
    return Refusal(
        Reason.UPSTREAM_STARTING if starting else Reason.UPSTREAM_UNREACHABLE,
        f'upstream of role "{login.role}": none of its {1 + len(login.fallbacks)} hosts can be '
        f"used{demand}",
        detail="; ".join(dict.fromkeys(told)),
    )

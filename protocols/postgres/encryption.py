"""TLS to upstream, as SSLMODE wants it: asked for, insisted on, or gone without.

Source: "SSL Session Encryption", and libpq for what `allow` and `prefer` fall back to.
"""

from collections.abc import Generator, Sequence
from dataclasses import replace
from typing import Any

from protocols.api import Command, Side, StartTls, TlsMode, UnixEndpoint
from protocols.errors import LoginRejected, Reason, Refusal
from protocols.postgres import messages
from protocols.postgres.login import PostgresLogin
from protocols.postgres.upstream import Phase, Upstream

_IN_TURN = {
    TlsMode.ALLOW: (TlsMode.DISABLE, TlsMode.PREFER),
    TlsMode.PREFER: (TlsMode.PREFER, TlsMode.DISABLE),
}
_TLS_FAILED = (Reason.UPSTREAM_INSECURE, Reason.UPSTREAM_UNREACHABLE)
_NOT_THIS_WAY = "28000"  # no pg_hba.conf entry for who comes with TLS, or without


def ways(login: PostgresLogin) -> Sequence[PostgresLogin]:
    """The login as it is tried in turn: with TLS and without, where SSLMODE leaves both open."""
    mode = login.tls.mode
    modes = _IN_TURN.get(mode, (mode,))
    if isinstance(login.endpoint, UnixEndpoint):  # nobody listens in on it
        modes = (TlsMode.DISABLE,)
    return [replace(login, tls=replace(login.tls, mode=mode)) for mode in modes]


def other_way_may_do(upstream: Upstream, refusal: Refusal) -> bool:
    """Whether it was the TLS that did not work, or the server that will not have us with it, or
    without it. Who was asked for a credential has been let in as far as that."""
    if upstream.phase is Phase.STARTING_TLS:
        return refusal.reason in _TLS_FAILED
    if upstream.login.tls.mode is TlsMode.PREFER and upstream.tls is None:
        return False
    turned_away = isinstance(refusal, LoginRejected) and refusal.code == _NOT_THIS_WAY
    return turned_away and upstream.phase is Phase.STARTED


def negotiate_tls(upstream: Upstream) -> Generator[Command, Any, None]:
    """SSLRequest, and TLS if the server has it and the role wants it."""
    mode = upstream.login.tls.mode
    if mode is TlsMode.DISABLE:
        return
    yield from upstream.send(messages.SSL_REQUEST)
    match (yield from upstream.inbox.take(1)):
        case b"S" if upstream.inbox.empty:
            upstream.phase = Phase.STARTING_TLS
            upstream.tls = yield StartTls(Side.UPSTREAM)
        case b"S":  # would be taken for sent under TLS: CVE-2021-23222
            raise upstream.broken("sent unencrypted data after it agreed to TLS")
        case b"N" if mode is TlsMode.PREFER:
            return
        case b"N":
            raise upstream.insecure(
                f"does not offer TLS, which the role demands (SSLMODE {mode.value})"
            )
        case _:  # never its text: it is not authenticated (CVE-2024-10977)
            raise upstream.broken("does not speak PostgreSQL's protocol")

"""A cancel request, carried on to upstream: "Cancelling Requests in Progress"."""

from collections.abc import Generator
from typing import Any

from protocols.api import Command, Connect, Disconnected, Receive, Side
from protocols.postgres.encryption import negotiate_tls
from protocols.postgres.login import PostgresLogin
from protocols.postgres.messages import CancelRequest
from protocols.postgres.upstream import Upstream


def send_cancel(login: PostgresLogin, key: bytes) -> Generator[Command, Any, None]:
    """Send it as protected as the session is, and wait until upstream closes: then it is done."""
    yield Connect(login)
    upstream = Upstream(login)
    yield from negotiate_tls(upstream)
    yield from upstream.send(CancelRequest(key).encode())
    try:
        yield Receive(Side.UPSTREAM)
    except Disconnected:
        return
    raise upstream.broken("answered a cancel request")

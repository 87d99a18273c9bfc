"""Keyless's own clients of a Postgres role: a probe that looks whether one is let in, and psql."""

from collections.abc import Generator
from typing import Any

from protocols.api import ClientProgram, Command, Disconnected, Endpoint, Send, Side, TcpEndpoint
from protocols.errors import Refusal, ServerProtocolError, UpstreamRefused
from protocols.postgres.inbox import Inbox
from protocols.postgres.messages import ErrorResponse, StartupMessage, message


def probe(role: str) -> Generator[Command, Any, None]:
    """Log in as a client of `role` and leave again. Raises the refusal that a client would see."""
    proxy = Inbox(Side.UPSTREAM)
    startup = StartupMessage((3, 0), {"user": role, "application_name": "keyless connect"})
    yield Send(Side.UPSTREAM, startup.encode())
    try:
        while (answer := (yield from proxy.message())).kind != b"Z":
            if answer.kind == ErrorResponse.kind:
                raise _refused(answer.body)
    except Disconnected:
        raise ServerProtocolError("the proxy closed the connection without a word") from None
    yield Send(Side.UPSTREAM, message(b"X", b""))


def _refused(body: bytes) -> Refusal:
    try:
        error = ErrorResponse.decode(body)
    except ValueError as fault:
        return ServerProtocolError("the proxy sent a malformed error", detail=str(fault))
    return UpstreamRefused(error.field("M"), code=error.field("C"))


def psql(endpoint: Endpoint, role: str, database: str | None) -> ClientProgram:
    """psql on a listener. It is told the database, if there is one, so that its prompt is true."""
    if isinstance(endpoint, TcpEndpoint):
        host, port = endpoint.host, endpoint.port
    else:
        host, _, suffix = endpoint.path.rpartition("/.s.PGSQL.")
        port = int(suffix)
    return ClientProgram(
        arguments=("psql", "-h", host, "-p", str(port), "-U", role, "-d", database or role),
        environment={
            "PGGSSENCMODE": "disable",
            "PGSSLMODE": "prefer",
            "PGCHANNELBINDING": "disable",
        },
        hint="install PostgreSQL's client (Debian: apt install postgresql-client)",
    )

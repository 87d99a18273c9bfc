"""The login's other half: from a new connection to upstream's ReadyForQuery.

Source: "Message Flow: Start-up" and "SSL Session Encryption", read as a client.
"""

from collections.abc import Generator, Mapping
from dataclasses import dataclass
from typing import Any

from protocols.api import (
    Command,
    Connect,
    Disconnected,
    Nonce,
    Send,
    Side,
    StartTls,
    TlsMode,
    UnixEndpoint,
)
from protocols.postgres import messages
from protocols.postgres.authentication import authenticate
from protocols.postgres.inbox import Message
from protocols.postgres.login import PostgresLogin
from protocols.postgres.messages import NegotiateProtocolVersion, StartupMessage
from protocols.postgres.upstream import Upstream

_MAX_GREETINGS = 1 << 18  # bytes between AuthenticationOk and ReadyForQuery


@dataclass(frozen=True, slots=True)
class Session:
    """What upstream said when it let us in. `greetings` go on to the client as they came."""

    greetings: tuple[Message, ...]
    version: tuple[int, int]
    leftover: bytes
    facts: Mapping[str, str]


def log_in(
    login: PostgresLogin, startup: StartupMessage, nonce: Nonce
) -> Generator[Command, Any, Session]:
    """Upstream's half: connect, start TLS, authenticate, wait for ReadyForQuery."""
    yield Connect(login)
    upstream = Upstream(login)
    try:
        yield from negotiate_tls(upstream)
        yield from upstream.send(startup.encode())
        message = yield from upstream.receive()
        version = startup.version
        if message.kind == NegotiateProtocolVersion.kind:
            version = _negotiated(upstream, message, startup)
            message = yield from upstream.receive()
        method = yield from authenticate(upstream, message, nonce)
        upstream.let_us_in = True
        greetings = yield from _greetings(upstream)
    except Disconnected:
        raise upstream.broken("closed the connection during the login") from None
    facts = _facts(upstream, greetings, method, startup)
    return Session(greetings, version, upstream.inbox.drain(), facts)


def try_login(login: PostgresLogin, nonce: Nonce) -> Generator[Command, Any, Mapping[str, str]]:
    """Log in for nobody, and leave again. Returns the session's facts."""
    said = {"user": login.user, "application_name": "keyless check"}
    if login.database:
        said["database"] = login.database
    session = yield from log_in(login, StartupMessage((3, 0), said), nonce)
    yield Send(Side.UPSTREAM, messages.message(b"X", b""))
    return session.facts


def negotiate_tls(upstream: Upstream) -> Generator[Command, Any, None]:
    """SSLRequest, and TLS if the server has it and the role wants it."""
    login = upstream.login
    if login.tls.mode is TlsMode.DISABLE or isinstance(login.endpoint, UnixEndpoint):
        return
    yield from upstream.send(messages.SSL_REQUEST)
    match (yield from upstream.inbox.take(1)):
        case b"S" if upstream.inbox.empty:
            upstream.tls = yield StartTls(Side.UPSTREAM)
        case b"S":  # would be taken for sent under TLS: CVE-2021-23222
            raise upstream.broken("sent unencrypted data after it agreed to TLS")
        case b"N" if login.tls.mode is TlsMode.PREFER:
            return
        case b"N":
            raise upstream.insecure(
                f"does not offer TLS, which the role demands (SSLMODE {login.tls.mode.value})"
            )
        case _:  # never its text: it is not authenticated (CVE-2024-10977)
            raise upstream.broken("does not speak PostgreSQL's protocol")


def _greetings(upstream: Upstream) -> Generator[Command, Any, tuple[Message, ...]]:
    greetings: list[Message] = []
    size = 0
    while not greetings or greetings[-1].kind != b"Z":
        message = yield from upstream.receive()
        size += 5 + len(message.body)
        if message.kind not in (b"S", b"N", b"K", b"Z") or size > _MAX_GREETINGS:
            raise upstream.broken(f"sent message {message.kind!r} where ReadyForQuery is due")
        greetings.append(message)
    return tuple(greetings)


def _negotiated(upstream: Upstream, message: Message, startup: StartupMessage) -> tuple[int, int]:
    try:
        newest = NegotiateProtocolVersion.decode(message.body).newest
    except ValueError as error:
        raise upstream.broken(f"broke the protocol: {error}") from None
    if not (3, 0) <= newest < startup.version:
        raise upstream.broken(f"answered protocol {startup.version} with {newest}")
    return newest


def _facts(
    upstream: Upstream, greetings: tuple[Message, ...], method: str, startup: StartupMessage
) -> Mapping[str, str]:
    version = (m.body for m in greetings if m.kind == b"S" and m.body[:15] == b"server_version\0")
    return {
        "server_version": messages.text(next(version, b"")[15:].rstrip(b"\0")),
        "tls": upstream.tls.version if upstream.tls else "none",
        "method": method,
        "database": startup.parameters.get("database", ""),
    }

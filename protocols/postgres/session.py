"""One connection to upstream, from its first byte to ReadyForQuery.

Source: "Message Flow: Start-up", read as a client.
"""

from collections.abc import Generator, Mapping
from dataclasses import dataclass
from typing import Any

from protocols.api import Command, Connect, Disconnected, Nonce
from protocols.errors import Reason, Refusal
from protocols.postgres import session_attributes
from protocols.postgres.authentication import authenticate
from protocols.postgres.demands import TargetSession
from protocols.postgres.encryption import negotiate_tls
from protocols.postgres.greetings import Greetings, reported
from protocols.postgres.inbox import Message
from protocols.postgres.messages import NegotiateProtocolVersion, StartupMessage
from protocols.postgres.upstream import Phase, Upstream


@dataclass(frozen=True, slots=True)
class Session:
    """What upstream said when it let us in. `greetings` go on to the client as they came."""

    greetings: Greetings
    version: tuple[int, int]
    leftover: bytes
    facts: Mapping[str, str]


def begin(
    upstream: Upstream, startup: StartupMessage, nonce: Nonce, wanted: TargetSession
) -> Generator[Command, Any, Session]:
    """Connect, start TLS, authenticate, wait for ReadyForQuery, see that the host is the right
    one."""
    yield Connect(upstream.login)
    try:
        yield from negotiate_tls(upstream)
        return (yield from _start(upstream, startup, nonce, wanted))
    except Disconnected:
        sentence = f"{upstream} closed the connection during the login"
        raise Refusal(Reason.UPSTREAM_UNREACHABLE, sentence) from None


def _start(
    upstream: Upstream, startup: StartupMessage, nonce: Nonce, wanted: TargetSession
) -> Generator[Command, Any, Session]:
    yield from upstream.send(startup.encode())
    upstream.phase = Phase.STARTED
    message = yield from upstream.receive()
    version = startup.version
    if message.kind == NegotiateProtocolVersion.kind:
        version = _negotiated(upstream, message, startup)
        message = yield from upstream.receive()
    upstream.phase = Phase.AUTHENTICATING
    method = yield from authenticate(upstream, message, nonce)
    upstream.phase = Phase.IN
    greetings = yield from upstream.until_ready(b"SNK")
    greetings = yield from session_attributes.check(upstream, greetings, wanted)
    facts = {
        "server_version": reported(greetings, "server_version") or "",
        "tls": upstream.tls.version if upstream.tls else "none",
        "method": method,
        "database": startup.parameters.get("database", ""),
    }
    return Session(greetings, version, upstream.inbox.drain(), facts)


def _negotiated(upstream: Upstream, message: Message, startup: StartupMessage) -> tuple[int, int]:
    try:
        newest = NegotiateProtocolVersion.decode(message.body).newest
    except ValueError as error:
        raise upstream.broken(f"broke the protocol: {error}") from None
    if not (3, 0) <= newest < startup.version:
        raise upstream.broken(f"answered protocol {startup.version} with {newest}")
    return newest

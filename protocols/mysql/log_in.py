"""The login's upstream half: from a new connection to upstream's OK.

Source: "Connection Phase" in MySQL's documentation, read as a client.
"""

from collections.abc import Generator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
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
from protocols.errors import Refusal
from protocols.mysql.authentication import authenticate
from protocols.mysql.capabilities import COMPRESSION, NEEDED, OF_ONE_LEG, Capability
from protocols.mysql.compression import framed
from protocols.mysql.greeting import Greeting
from protocols.mysql.login import MysqlLogin
from protocols.mysql.messages import QUIT, HandshakeResponse, OkPacket, encode_attributes
from protocols.mysql.packets import packet
from protocols.mysql.upstream import Upstream

_OURS = (
    NEEDED
    | Capability.PLUGIN_AUTH
    | Capability.PLUGIN_AUTH_LENENC_CLIENT_DATA
    | Capability.CONNECT_ATTRS
)
_LARGEST_PACKET = 1 << 24
_UTF8MB4 = 45
_FINGERPRINT = b"\1"  # where MariaDB's OK tells what only the password's owner can check


@dataclass(frozen=True, slots=True)
class Session:
    """What upstream said when it let us in. `ok` goes on to the client."""

    ok: bytes
    leftover: bytes
    facts: Mapping[str, str]


def dial(login: MysqlLogin) -> Generator[Command, Any, Upstream]:
    """Connect, and hear what upstream says of itself."""
    yield Connect(login)
    upstream = Upstream(login)
    with upstream.staying(), upstream.in_order():
        upstream.greeting = Greeting.decode((yield from upstream.receive()))
    if NEEDED not in upstream.greeting.capabilities:
        raise upstream.broken("is older than MySQL 4.1, which is not supported")
    return upstream


def log_in(
    upstream: Upstream, response: HandshakeResponse, nonce: Nonce
) -> Generator[Command, Any, Session]:
    """Start TLS and authenticate. The response is what a client says, but for who we are."""
    with upstream.staying():
        said = replace(
            response,
            user=upstream.login.user,
            capabilities=_for_upstream(response, upstream.greeting),
        )
        said = yield from _start_tls(upstream, said)
        method, ok = yield from authenticate(upstream, said, nonce)
    with upstream.in_order():
        ok = _without_fingerprint(OkPacket.decode(ok))
    return Session(ok, upstream.exchange.drain(), _facts(upstream, said, method))


def try_login(login: MysqlLogin, nonce: Nonce) -> Generator[Command, Any, Mapping[str, str]]:
    """Log in for nobody, and leave again. Returns the session's facts."""
    upstream = yield from dial(login)
    session = yield from log_in(upstream, _for_nobody(login.database, "keyless check"), nonce)
    yield from leave(_OURS)
    return session.facts


def log_in_and_leave(upstream: Upstream, nonce: Nonce) -> Generator[Command, Any, None]:
    """For a client that is gone or was refused: upstream counts handshakes that end too early, and
    after `max_connect_errors` of them takes no connection from this machine."""
    with suppress(Refusal, Disconnected):
        yield from log_in(upstream, _for_nobody(None, "keyless"), nonce)
        yield from leave(_OURS)


def leave(agreed: Capability) -> Generator[Command, Any, None]:
    """COM_QUIT, as far as upstream still hears it; a command's packets are numbered from 0."""
    goodbye = packet(0, QUIT)
    with suppress(Refusal, Disconnected):
        yield Send(Side.UPSTREAM, framed(goodbye) if agreed & COMPRESSION else goodbye)


def _for_nobody(database: str | None, program: str) -> HandshakeResponse:
    return HandshakeResponse(
        capabilities=_OURS | Capability.LONG_PASSWORD | Capability.LONG_FLAG,
        max_packet_size=_LARGEST_PACKET,
        charset=_UTF8MB4,
        user="",
        database=database or "",
        attributes=encode_attributes({"program_name": program}),
    )


def _for_upstream(response: HandshakeResponse, greeting: Greeting) -> Capability:
    """What the client chose, and what upstream's leg needs for itself."""
    flags = response.capabilities & ~OF_ONE_LEG | _OURS & greeting.capabilities
    if response.database:  # where it is empty, some servers take the next string for it
        flags |= Capability.CONNECT_WITH_DB
    return flags


def _start_tls(
    upstream: Upstream, response: HandshakeResponse
) -> Generator[Command, Any, HandshakeResponse]:
    """SSLRequest and TLS, if the server has it and the role wants it. Returns the response that
    says the same."""
    login = upstream.login
    if login.tls.mode is TlsMode.DISABLE or isinstance(login.endpoint, UnixEndpoint):
        return response
    if Capability.SSL not in upstream.greeting.capabilities:
        if login.tls.mode is TlsMode.PREFER:
            return response
        raise upstream.insecure(
            f"does not offer TLS, which the role demands (SSLMODE {login.tls.mode.value})"
        )
    if not upstream.exchange.empty:  # would be taken for sent under TLS
        raise upstream.broken("sent unencrypted data after its greeting")
    response = replace(response, capabilities=response.capabilities | Capability.SSL)
    yield from upstream.send(response.ssl_request())
    upstream.tls = yield StartTls(Side.UPSTREAM)
    return response


def _without_fingerprint(ok: OkPacket) -> bytes:
    """MariaDB lets its client check the server's certificate by a hash of the password's hash; this
    one is upstream's certificate and password, neither of which is the client's business."""
    return (replace(ok, info=b"") if ok.info and ok.info[:1] == _FINGERPRINT else ok).encode()


def _facts(upstream: Upstream, said: HandshakeResponse, method: str) -> Mapping[str, str]:
    return {
        "server_version": upstream.greeting.version,
        "tls": upstream.tls.version if upstream.tls else "none",
        "method": method,
        "database": said.database,
        "thread_id": str(upstream.greeting.thread_id),
    }

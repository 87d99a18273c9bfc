"""The handshake, both sides of it: read it beside "Message Flow: Start-up" in the documentation.

The client is let in without being asked for anything; upstream is given what the role's secrets
say.
"""

from collections.abc import Generator, Mapping
from dataclasses import dataclass
from typing import Any

from protocols.api import (
    CancelRequest,
    Command,
    Connect,
    Disconnected,
    Flow,
    Handshake,
    NeedLogin,
    Nonce,
    Send,
    Side,
    StartTls,
    Tls,
    TlsMode,
    UnixEndpoint,
    Wish,
)
from protocols.errors import LoginRejected, Reason, Refusal
from protocols.postgres import messages
from protocols.postgres.authentication import authenticate
from protocols.postgres.inbox import Inbox, Message
from protocols.postgres.login import PostgresLogin
from protocols.postgres.messages import Authentication, NegotiateProtocolVersion, StartupMessage
from protocols.postgres.refusals import error_response
from protocols.postgres.startup import NEWEST_VERSION, receive_startup
from protocols.postgres.upstream import Upstream

_MAX_GREETINGS = 1_000  # ParameterStatus and notices between AuthenticationOk and ReadyForQuery
_NOT_FORWARDED = ("user", "database", "replication")


@dataclass(frozen=True, slots=True)
class Session:
    """What upstream said when it let us in. `greetings` go on to the client as they came."""

    greetings: tuple[Message, ...]
    version: tuple[int, int]
    leftover: bytes
    facts: Mapping[str, str]


def handshake(nonce: Nonce) -> Handshake:
    """From a client's first byte to both sides being in; a refusal is told to the client."""
    client = Inbox(Side.CLIENT)
    try:
        return (yield from _let_in(client, nonce))
    except Refusal as refusal:
        yield Send(Side.CLIENT, error_response(refusal))
        raise


def _let_in(client: Inbox, nonce: Nonce) -> Handshake:
    startup = yield from receive_startup(client)
    if isinstance(startup, messages.CancelRequest):
        return CancelRequest(startup.key)
    _refuse_replication(startup)
    session = yield from _log_in_as_long_as_it_helps(startup, nonce)
    yield Send(Side.CLIENT, _welcome(startup, session))
    return Flow(
        from_client=client.drain(),
        from_upstream=session.leftover,
        cancel_key=next((m.body for m in session.greetings if m.kind == b"K"), None),
        facts=session.facts,
    )


def _log_in_as_long_as_it_helps(
    startup: StartupMessage, nonce: Nonce
) -> Generator[Command, Any, Session]:
    """Try logins until upstream takes one, or there is none that it has not refused."""
    said = startup.parameters
    wish = Wish(said["user"], said.get("database"), said.get("application_name"))
    rejected: LoginRejected | None = None
    while True:
        login: PostgresLogin = yield NeedLogin(wish, rejected)
        try:
            return (yield from log_in(login, _for_upstream(startup, login), nonce))
        except LoginRejected as refusal:
            rejected = refusal


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
    facts = _facts(greetings, upstream.tls, method, startup)
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


def _refuse_replication(startup: StartupMessage) -> None:
    if startup.parameters.get("replication", "false").lower() not in ("false", "off", "no", "0"):
        raise Refusal(Reason.DENIED, "this role does not allow replication connections")


def _for_upstream(startup: StartupMessage, login: PostgresLogin) -> StartupMessage:
    """The client's startup message with the role's account and database in it."""
    said = startup.parameters
    named = {"user": login.user}
    if database := choose_database(said["user"], said.get("database"), login):
        named["database"] = database
    forwarded = {
        name: value
        for name, value in said.items()
        if name not in _NOT_FORWARDED and not name.startswith("_pq_.")
    }
    return StartupMessage(min(startup.version, NEWEST_VERSION), named | forwarded)


def choose_database(user: str, wanted: str | None, login: PostgresLogin) -> str | None:
    """The role's database unless the client names another one that the role lists.

    Never silently another than it named: psql's prompt and \\connect would then lie.
    """
    if wanted in (None, "", user, login.role, login.database):
        return login.database
    if wanted in login.databases or "*" in login.databases:
        return wanted
    raise Refusal(
        Reason.UNKNOWN_DATABASE,
        f'role "{login.role}" does not offer database "{wanted}"; name none to get the role\'s own',
    )


def _negotiated(upstream: Upstream, message: Message, startup: StartupMessage) -> tuple[int, int]:
    try:
        newest = NegotiateProtocolVersion.decode(message.body).newest
    except ValueError as error:
        raise upstream.broken(f"broke the protocol: {error}") from None
    if not (3, 0) <= newest < startup.version:
        raise upstream.broken(f"answered protocol {startup.version} with {newest}")
    return newest


def _greetings(upstream: Upstream) -> Generator[Command, Any, tuple[Message, ...]]:
    greetings: list[Message] = []
    while not greetings or greetings[-1].kind != b"Z":
        message = yield from upstream.receive()
        if message.kind not in (b"S", b"N", b"K", b"Z") or len(greetings) == _MAX_GREETINGS:
            raise upstream.broken(f"sent message {message.kind!r} where ReadyForQuery is due")
        greetings.append(message)
    return tuple(greetings)


def _welcome(startup: StartupMessage, session: Session) -> bytes:
    unknown = tuple(name for name in startup.parameters if name.startswith("_pq_."))
    negotiate = b""
    if unknown or session.version < startup.version:
        negotiate = NegotiateProtocolVersion(session.version, unknown).encode()
    ok = Authentication(messages.AUTHENTICATION_OK).encode()
    return negotiate + ok + b"".join(message.encode() for message in session.greetings)


def _facts(
    greetings: tuple[Message, ...], tls: Tls | None, method: str, startup: StartupMessage
) -> Mapping[str, str]:
    parameters = dict(
        message.body.rstrip(b"\0").split(b"\0", 1)
        for message in greetings
        if message.kind == b"S" and b"\0" in message.body.rstrip(b"\0")
    )
    return {
        "server_version": messages.text(parameters.get(b"server_version", b"")),
        "tls": tls.version if tls else "none",
        "method": method,
        "database": startup.parameters.get("database", ""),
    }

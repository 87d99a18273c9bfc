"""The handshake, both sides of it: read it beside "Message Flow: Start-up" in the documentation.

The client is let in without being asked for anything; upstream is given what the role's secrets
say.
"""

from collections.abc import Generator, Mapping
from contextlib import suppress
from typing import Any

from protocols.api import (
    CancelRequest,
    Command,
    Disconnected,
    Flow,
    Handshake,
    NeedLogin,
    Nonce,
    Send,
    Side,
    Wish,
)
from protocols.errors import LoginRejected, Reason, Refusal
from protocols.postgres import messages
from protocols.postgres.inbox import Inbox
from protocols.postgres.log_in import log_in, take_spare
from protocols.postgres.login import PostgresLogin
from protocols.postgres.messages import Authentication, NegotiateProtocolVersion, StartupMessage
from protocols.postgres.refusals import error_response
from protocols.postgres.session import Session
from protocols.postgres.startup import NEWEST_VERSION, receive_startup

_NOT_FORWARDED = ("user", "database", "replication")
_LOGICAL = "database"
_NO_REPLICATION = ("false", "off", "no", "0")


def handshake(nonce: Nonce) -> Handshake:
    """From a client's first byte to both sides being in; a refusal is told to the client."""
    client = Inbox(Side.CLIENT)
    try:
        return (yield from _let_in(client, nonce))
    except Refusal as refusal:
        with suppress(Disconnected, Refusal):  # why it was refused matters more than how it left
            yield Send(Side.CLIENT, error_response(refusal))
        raise


def _let_in(client: Inbox, nonce: Nonce) -> Handshake:
    startup = yield from receive_startup(client)
    if isinstance(startup, messages.CancelRequest):
        return CancelRequest(startup.key)
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
        wanted = _for_upstream(startup, login)
        # Behind a refusal every login is another one, which no session to come begins with.
        if rejected is None and (spare := (yield from take_spare(login, wanted, nonce))):
            return spare
        try:
            return (yield from log_in(login, wanted, nonce))
        except LoginRejected as refusal:
            rejected = refusal


def _for_upstream(startup: StartupMessage, login: PostgresLogin) -> StartupMessage:
    """The client's startup message with the role's account and database in it."""
    said = startup.parameters
    replication = _replication(said, login)
    named = {"user": login.user, **replication}
    # Physical replication has no database: its clients send any name, and servers pass over it.
    physical = replication.get("replication", _LOGICAL).lower() != _LOGICAL
    if not physical and (database := choose_database(said, login)):
        named["database"] = database
    forwarded = {
        name: value
        for name, value in said.items()
        if name not in _NOT_FORWARDED and not name.startswith("_pq_.")
    }
    return StartupMessage(min(startup.version, NEWEST_VERSION), named | forwarded)


def _replication(said: Mapping[str, str], login: PostgresLogin) -> Mapping[str, str]:
    wanted = said.get("replication", "false")
    if wanted.lower() in _NO_REPLICATION:
        return {}
    if login.options.replication:
        return {"replication": wanted}
    sentence = f'role "{login.role}" does not allow replication connections'
    raise Refusal(Reason.DENIED, sentence)


def choose_database(said: Mapping[str, str], login: PostgresLogin) -> str | None:
    """The role's database unless the client names another one that the role lists.

    Never silently another than it named: psql's prompt and \\connect would then lie.
    """
    wanted = said.get("database")
    if wanted in (None, "", said["user"], login.role, login.database):
        return login.database
    if wanted in login.options.databases or "*" in login.options.databases:
        return wanted
    raise Refusal(
        Reason.UNKNOWN_DATABASE,
        f'role "{login.role}" does not offer database "{wanted}"; name none to get the role\'s own',
    )


def _welcome(startup: StartupMessage, session: Session) -> bytes:
    unknown = tuple(name for name in startup.parameters if name.startswith("_pq_."))
    negotiate = b""
    if unknown or session.version < startup.version:
        negotiate = NegotiateProtocolVersion(session.version, unknown).encode()
    ok = Authentication(messages.AUTHENTICATION_OK).encode()
    return negotiate + ok + b"".join(message.encode() for message in session.greetings)

"""The handshake, both sides of it: read it beside "Connection Phase" in MySQL's documentation.

The server speaks first, so upstream is called before the client has said a word, and its greeting
is the client's. Then the client says what it wants, in flags that shape every later byte, and
upstream is told the same with the role's account. The client proves nothing.

The thread id in the greeting is upstream's, so that KILL finds the session. Where upstream refused
the login and took another, on a second connection, the id is that of the first one: no session has
it any more, and SELECT CONNECTION_ID() tells the right one.
"""

from collections.abc import Generator
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

from protocols.api import (
    Command,
    Disconnected,
    Flow,
    Handshake,
    NeedLogin,
    Nonce,
    Note,
    Send,
    Side,
    Wish,
)
from protocols.errors import LoginRejected, Reason, Refusal
from protocols.mysql.capabilities import Agreed
from protocols.mysql.exchange import Exchange
from protocols.mysql.greeting import Greeting
from protocols.mysql.let_in import greet, make_scramble, take_any_proof
from protocols.mysql.log_in import Session, dial, leave, log_in, log_in_and_leave
from protocols.mysql.login import MysqlLogin
from protocols.mysql.messages import HandshakeResponse, decode_attributes
from protocols.mysql.refusals import error_packet
from protocols.mysql.upstream import Upstream


def handshake(nonce: Nonce) -> Handshake:
    """From a client's connection to both sides being in; a refusal is told to the client."""
    client = Exchange(Side.CLIENT)
    try:
        return (yield from _let_in(client, nonce))
    except Refusal as refusal:
        with suppress(Disconnected, Refusal):  # why it was refused matters more than how it left
            number = client.sequence  # 0 is the greeting's
            yield Send(Side.CLIENT, error_packet(refusal, number, greeted=number > 0))
        raise


def _let_in(client: Exchange, nonce: Nonce) -> Handshake:
    upstream = yield from dial((yield NeedLogin(Wish())))
    try:
        guest = yield from _hear_out(client, upstream, nonce)
    except (Refusal, Disconnected):
        yield from log_in_and_leave(upstream, nonce)
        raise
    upstream, session = yield from _log_in_as_long_as_it_helps(upstream, guest, nonce)
    try:
        yield from client.send(*guest.before_ok, session.ok)
    except (Refusal, Disconnected):
        yield from leave(guest.response.capabilities)
        raise
    return Flow(
        from_client=client.drain(),
        from_upstream=session.leftover,
        cancel_key=None,
        facts=session.facts,
        agreed=_agreed(guest, upstream),
    )


@dataclass(frozen=True, slots=True)
class _Guest:
    """A client that has said all it has to say, and was asked for a proof by this scramble.
    `response` names the database that it gets."""

    wish: Wish
    scramble: bytes
    response: HandshakeResponse
    before_ok: tuple[bytes, ...]


def _hear_out(
    client: Exchange, upstream: Upstream, nonce: Nonce
) -> Generator[Command, Any, _Guest]:
    ours = _for_clients(upstream, make_scramble(nonce))
    response = yield from greet(client, ours)
    program = decode_attributes(response.attributes).get("program_name")
    wish = Wish(response.user, response.database or None, program)
    yield Note(wish)
    before_ok = yield from take_any_proof(client, response, ours.scramble)
    database = choose_database(response.database, upstream.login)
    return _Guest(wish, ours.scramble, replace(response, database=database or ""), before_ok)


def _for_clients(upstream: Upstream, scramble: bytes) -> Greeting:
    local_files = upstream.login.options.local_infile
    return upstream.greeting.for_clients(scramble, local_files=local_files)


def choose_database(wanted: str, login: MysqlLogin) -> str | None:
    """The role's database, or none, unless the client names another one that the role lists."""
    if wanted in ("", login.role, login.database):
        return login.database
    if wanted in login.options.databases or "*" in login.options.databases:
        return wanted
    raise Refusal(
        Reason.UNKNOWN_DATABASE,
        f'role "{login.role}" does not offer database "{wanted}"; name none to get the role\'s own',
    )


def _log_in_as_long_as_it_helps(
    upstream: Upstream, guest: _Guest, nonce: Nonce
) -> Generator[Command, Any, tuple[Upstream, Session]]:
    """Try logins until upstream takes one, or there is none that it has not refused."""
    while True:
        try:
            return upstream, (yield from log_in(upstream, guest.response, nonce))
        except LoginRejected as refusal:
            rejected = refusal
        upstream = yield from dial((yield NeedLogin(guest.wish, rejected)))
        missing = guest.response.capabilities & ~_for_clients(upstream, b"").capabilities
        if missing:  # the client was promised them, and its bytes will be in their shape
            raise upstream.broken("offers less now than a moment ago; try again")


def _agreed(guest: _Guest, upstream: Upstream) -> Agreed:
    greeting = upstream.greeting
    return Agreed(
        capabilities=guest.response.capabilities,
        server_version=greeting.server_version,
        mariadb=greeting.is_mariadb,
        charset=guest.response.charset,
        thread_id=greeting.thread_id,
        scramble=guest.scramble,
    )

"""COM_CHANGE_USER, which never reaches upstream: there it would ask for the account's password.

What a client wants of it is a session like a fresh one. Upstream gives that by
COM_RESET_CONNECTION; what this leaves as it was, the database and the character set, is set anew,
but for the database where neither the client nor the role names one.
The client goes through the motions of a proof, as it does with every server, and proves nothing.
Source: "COM_CHANGE_USER" and "Authentication Method Switch" in MySQL's documentation.
"""

from collections.abc import Generator
from dataclasses import dataclass
from typing import Any, Self

from protocols.api import Command as Step
from protocols.api import Side
from protocols.errors import ServerProtocolError
from protocols.mysql.authentication import NATIVE
from protocols.mysql.capabilities import Agreed, Capability
from protocols.mysql.commands import Command, query
from protocols.mysql.exchange import Exchange
from protocols.mysql.greeting import OUR_PLUGIN
from protocols.mysql.messages import AUTH_MORE_DATA, ERR, OK, AuthSwitchRequest
from protocols.mysql.packets import Reader, raw, text

_FAST_PATH = AUTH_MORE_DATA + b"\x03"
_RESET = bytes((Command.RESET_CONNECTION,))


@dataclass(frozen=True, slots=True)
class ChangeUser:
    """The command, without what it proves. `charset` is None where it does not say."""

    user: str
    database: str
    charset: int | None
    plugin: str

    @classmethod
    def decode(cls, payload: bytes, capabilities: Capability) -> Self:
        """Raises ValueError where the layout is not the format."""
        reader = Reader(payload, 1)
        user = text(reader.cbytes())
        reader.take(reader.uint8())
        database = text(reader.cbytes_or_rest())
        charset = reader.uint16() if reader.left else None
        has_plugin = Capability.PLUGIN_AUTH in capabilities and reader.left
        return cls(user, database, charset, text(reader.cbytes_or_rest()) if has_plugin else "")


def change_user(
    wanted: ChangeUser, database: str | None, agreed: Agreed
) -> Generator[Step, Any, bytes]:
    """Both sides of it, from the client's command to its answer; returns what upstream has said
    behind that."""
    client, upstream = Exchange(Side.CLIENT), Exchange(Side.UPSTREAM)
    client.sequence = 1
    settings = _settings(wanted, database, agreed)
    before_ok: tuple[bytes, ...] = ()
    if Capability.PLUGIN_AUTH in agreed.capabilities:
        answers = yield from _ask(upstream, _RESET)
        if answers[0][:1] == OK:
            before_ok = yield from _take_any_proof(client, wanted.plugin, agreed.scramble)
            answers += yield from _ask(upstream, *settings)
    else:
        answers = yield from _ask(upstream, _RESET, *settings)
    reset = answers[0]
    yield from client.send(*before_ok, answers[-1] if database and reset[:1] == OK else reset)
    return upstream.drain()


def _settings(wanted: ChangeUser, database: str | None, agreed: Agreed) -> tuple[bytes, ...]:
    """Where upstream knows no such character set it keeps its own, as it does at a login."""
    charset = wanted.charset or agreed.charset
    names = ("character_set_client", "character_set_results", "collation_connection")
    statement = "SET " + ", ".join(f"{name} = {charset}" for name in names)
    set_charset = query(statement.encode(), agreed)
    return (set_charset, bytes((Command.INIT_DB,)) + raw(database)) if database else (set_charset,)


def _ask(upstream: Exchange, *commands: bytes) -> Generator[Step, Any, tuple[bytes, ...]]:
    """Commands in one go, and the answers to them, which are a packet each. Upstream has no reason
    to ask for a proof, and what the client would answer is not for it."""
    for command in commands:
        upstream.sequence = 0
        yield from upstream.send(command)
    answers: tuple[bytes, ...] = ()
    for _ in commands:
        upstream.sequence = 1
        answer = yield from upstream.receive()
        if answer[:1] not in (OK, ERR):
            raise ServerProtocolError("upstream answered COM_CHANGE_USER by more than it was asked")
        answers += (answer,)
    return answers


def _take_any_proof(
    client: Exchange, plugin: str, scramble: bytes
) -> Generator[Step, Any, tuple[bytes, ...]]:
    """Ask for it, as servers do here whatever the client has said already, and by the same scramble
    as at the login. Returns what must precede its OK."""
    plugin = plugin if plugin == OUR_PLUGIN else NATIVE
    yield from client.send(AuthSwitchRequest(plugin, scramble + b"\0").encode())
    proof = yield from client.receive()
    return (_FAST_PATH,) if plugin == OUR_PLUGIN and len(proof) > 1 else ()

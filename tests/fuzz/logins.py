"""Both sides of a login, driven over scripted bytes.

Whatever the bytes are, a generator ends as its contract says, reads a bounded number of them, tells
the client what it can read and nothing of the credential, and ends the same however they were cut.
What a protocol's own promises are is for its folder.
"""

from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from protocols.api import (
    CancelRequest,
    Command,
    Connect,
    Disconnected,
    Flow,
    Login,
    Send,
    Side,
    StartTls,
    Tls,
)
from protocols.errors import Refusal
from tests.fuzz.conversation import Conversation, Framing
from tests.fuzz.limits import in_time
from tests.fuzz.target import Breach, Checked
from tests.protocols.script import WHOLE, Peer, Script

_CUTS = (WHOLE, 7, 1)
_SECONDS, _SECONDS_PER_BYTE = 1.0, 1e-5  # mostly what it takes to prove a password

Talk = Generator[Command, Any, Any]


class Conversing(Script):
    """A script that remembers whether plaintext stood where TLS should have begun."""

    mixed = False

    def _carry_out(self, command: Command) -> Any:
        try:
            return super()._carry_out(command)
        except Disconnected:
            self.mixed = self.mixed or isinstance(command, StartTls)
            raise


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What is particular to a protocol. `password` and `account` are what nobody may be told."""

    password: str
    account: str
    framing: Mapping[Side, Framing]

    readable: Callable[[bytes], bool]
    """Whether a client can read what it was sent in one go."""

    protects: Callable[[Login, Tls | None], bool]
    """Whether this login's password may be said in clear over such a connection."""

    most_read: Callable[[Peer], int]
    """Bytes that may be read of what a peer has to say."""


@dataclass(frozen=True, slots=True)
class _Ended:
    """`how` it ended, and what was said to either side until then."""

    how: object
    to_client: tuple[bytes, ...]
    to_upstream: tuple[bytes, ...]
    mixed: bool


def check(
    rules: Rules, start: Callable[[int], tuple[Conversing, Login, Talk]], conversation: Conversation
) -> Checked:
    """`start` gives a script that is cut like this, its login, and what is to be driven by it."""
    bound = _SECONDS + _SECONDS_PER_BYTE * conversation.size
    converse = partial(_converse, rules, start)
    ends = [in_time(partial(converse, cut), bound) for cut in _CUTS]
    # Plaintext in TLS's place is refused where it came with the request, else by TLS itself.
    if any(end != ends[0] for end in ends) and not any(end.mixed for end in ends):
        raise Breach(f"ends as {ends}, by how it is cut")
    said = (rules.framing[side].split(conversation.said(side)) for side in Side)
    return Checked(sum(map(len, said)), (str(ends[0].how)[:80], len(ends[0].to_upstream)))


def _converse(
    rules: Rules, start: Callable[[int], tuple[Conversing, Login, Talk]], cut: int
) -> _Ended:
    script, login, talk = start(cut)
    how: Any
    try:
        how = script.run(talk)
    except (Refusal, Disconnected) as refusal:
        how = refusal
    _judge(rules, script, login, how)
    heard = tuple(script.said(Side.UPSTREAM))
    return _Ended(_comparable(how), tuple(script.said(Side.CLIENT)), heard, script.mixed)


def _judge(rules: Rules, script: Conversing, login: Login, how: object) -> None:
    said = script.said(Side.CLIENT)
    password = rules.password
    if password.encode() in b"".join(said) or password in f"{how} {getattr(how, 'detail', '')}":
        raise Breach("told the password")
    if isinstance(how, Refusal) and said and rules.account.encode() in said[-1]:
        raise Breach("told the account")
    if any(not rules.readable(data) for data in said):
        raise Breach(f"said to the client {said}")
    _judge_what_upstream_heard(rules, script, login)
    if script.cut < WHOLE:
        _judge_what_was_read(rules, script)


def _judge_what_upstream_heard(rules: Rules, script: Conversing, login: Login) -> None:
    tls: Tls | None = None
    for command in script.commands:
        match command:
            case Connect():
                tls = None
            case StartTls(Side.UPSTREAM):
                tls = script.tls if isinstance(script.tls, Tls) else None
            case Send(Side.UPSTREAM, data) if rules.password.encode() in data:
                if not rules.protects(login, tls):
                    raise Breach("sent the password in clear")


def _judge_what_was_read(rules: Rules, script: Conversing) -> None:
    for peer in (script.to_client, *script.connections):
        if peer.read > rules.most_read(peer) + script.cut:
            raise Breach(f"read {peer.read} bytes from the {peer.side.value}")


def _comparable(how: object) -> object:
    """Without what was read too much, which depends on how it came."""
    match how:
        case Flow():
            return (how.cancel_key, how.facts, how.agreed)
        case Refusal():
            return (type(how), how.reason, str(how), how.detail)
        case Disconnected():
            return (Disconnected, how.side)
        case CancelRequest() | Mapping() | None:
            return how
    raise Breach(f"returned {how!r}")

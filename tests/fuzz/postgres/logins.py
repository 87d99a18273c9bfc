"""Both sides of a login, driven over scripted bytes: handshake, trial login, cancel and probe.

Whatever the bytes are, a generator ends as its contract says, reads a bounded number of them, tells
the client what it can read and nothing of the credential, and ends the same however they were cut.
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
    Send,
    Side,
    StartTls,
    Tls,
)
from protocols.errors import Refusal
from protocols.postgres.cancel import send_cancel
from protocols.postgres.client import probe
from protocols.postgres.handshake import handshake
from protocols.postgres.log_in import try_login
from protocols.postgres.login import PostgresLogin
from tests.fuzz.conversation import Conversation
from tests.fuzz.limits import in_time
from tests.fuzz.postgres.drawn import PASSWORD, Conversing, a_login, a_script
from tests.fuzz.postgres.framing import MESSAGES, STARTUP_PACKETS
from tests.fuzz.target import Breach, Checked
from tests.protocols.postgres.server import ACCOUNT, KEY, nonce
from tests.protocols.script import WHOLE

_CUTS = (WHOLE, 7, 1)
_SECONDS, _SECONDS_PER_BYTE = 1.0, 1e-5  # mostly SCRAM's iterations
_MOST_FROM_CLIENT = 3 * 10_004
_MOST_FROM_UPSTREAM = (1 << 18) + 5 * 30_000

Make = Callable[[PostgresLogin], Generator[Command, Any, Any]]
GENERATORS: dict[str, Make] = {
    "handshake": lambda login: handshake(nonce),
    "login": lambda login: try_login(login, nonce),
    "cancel": lambda login: send_cancel(login, KEY),
    "probe": lambda login: probe(login.role),
}


@dataclass(frozen=True, slots=True)
class _Ended:
    """`how` it ended, and what was said to either side until then."""

    how: object
    to_client: tuple[bytes, ...]
    to_upstream: tuple[bytes, ...]
    mixed: bool


def check(make: Make, certificate: bytes, conversation: Conversation) -> Checked:
    """`certificate` is what upstream shows where there is TLS."""
    bound = _SECONDS + _SECONDS_PER_BYTE * conversation.size
    converse = partial(_converse, make, certificate, conversation)
    ends = [in_time(partial(converse, cut), bound) for cut in _CUTS]
    # Plaintext in TLS's place is refused where it came with the request, else by TLS itself.
    if any(end != ends[0] for end in ends) and not any(end.mixed for end in ends):
        raise Breach(f"ends as {ends}, by how it is cut")
    messages = len(STARTUP_PACKETS.split(conversation.said(Side.CLIENT)))
    messages += len(MESSAGES.split(conversation.said(Side.UPSTREAM)))
    return Checked(messages, (str(ends[0].how)[:80], len(ends[0].to_upstream)))


def _converse(make: Make, certificate: bytes, conversation: Conversation, cut: int) -> _Ended:
    login = a_login(conversation.dice)
    script = a_script(conversation, login, certificate, cut)
    if make is GENERATORS["probe"]:
        script.connect()
    how: Any
    try:
        how = script.run(make(login))
    except (Refusal, Disconnected) as refusal:
        how = refusal
    _judge(script, how)
    heard = tuple(script.said(Side.UPSTREAM))
    return _Ended(_comparable(how), tuple(script.said(Side.CLIENT)), heard, script.mixed)


def _judge(script: Conversing, how: object) -> None:
    said = script.said(Side.CLIENT)
    if PASSWORD.encode() in b"".join(said) or PASSWORD in f"{how} {getattr(how, 'detail', '')}":
        raise Breach("told the password")
    if isinstance(how, Refusal) and said and ACCOUNT.encode() in said[-1]:
        raise Breach("told the account")
    if any(not _readable(data) for data in said):
        raise Breach(f"said to the client {said}")
    _judge_what_upstream_heard(script)
    if script.cut < WHOLE:
        _judge_what_was_read(script)


def _judge_what_upstream_heard(script: Conversing) -> None:
    """The password in clear over verified TLS, if at all."""
    protected = False
    for command in script.commands:
        match command:
            case Connect():
                protected = False
            case StartTls(Side.UPSTREAM):
                protected = isinstance(script.tls, Tls) and script.tls.verified
            case Send(Side.UPSTREAM, data) if PASSWORD.encode() in data and not protected:
                raise Breach("sent the password in clear")


def _readable(data: bytes) -> bool:
    """Whether it is an answer to a request for encryption, or whole messages."""
    whole = all(int.from_bytes(m[1:5], "big") + 1 == len(m) for m in MESSAGES.split(data))
    return data in (b"S", b"N") or whole


def _judge_what_was_read(script: Conversing) -> None:
    most = max((peer.read for peer in script.connections), default=0)
    if script.to_client.read > _MOST_FROM_CLIENT + script.cut:
        raise Breach(f"read {script.to_client.read} bytes from the client")
    if most > _MOST_FROM_UPSTREAM + script.cut:
        raise Breach(f"read {most} bytes from upstream")


def _comparable(how: object) -> object:
    """Without what was read too much, which depends on how it came."""
    match how:
        case Flow():
            return (how.cancel_key, how.facts)
        case Refusal():
            return (type(how), how.reason, str(how), how.detail)
        case Disconnected():
            return (Disconnected, how.side)
        case CancelRequest() | Mapping() | None:
            return how
    raise Breach(f"returned {how!r}")

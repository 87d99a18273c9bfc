"""MySQL's handshake, either half of it, trial login and probe, driven over scripted bytes."""

from collections.abc import Callable, Generator, Mapping
from dataclasses import asdict
from typing import Any
from unittest.mock import patch

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from protocols.api import Command, Login, Side, Tls, UnixEndpoint
from protocols.mysql import passwords
from protocols.mysql.capabilities import Capability, from_wire
from protocols.mysql.client import probe
from protocols.mysql.exchange import Exchange
from protocols.mysql.greeting import Greeting
from protocols.mysql.handshake import handshake
from protocols.mysql.let_in import greet, make_scramble, take_any_proof
from protocols.mysql.log_in import dial, log_in, try_login
from protocols.mysql.login import MysqlLogin
from tests.fuzz import logins
from tests.fuzz.conversation import Conversation
from tests.fuzz.logins import Conversing, Rules, Talk
from tests.fuzz.mysql.drawn import a_login, a_response, a_script
from tests.fuzz.mysql.framing import PACKETS, SESSION
from tests.fuzz.target import Checked
from tests.protocols.mysql.server import ACCOUNT, MARIADB, MARIADB_EXTENSION, MYSQL, SCRAMBLE, nonce
from tests.protocols.script import Peer
from tests.secrecy import CANARY

_MOST_FROM_CLIENT = 3  # packets: for TLS, the response, and a proof
_MOST_FROM_UPSTREAM = 1 + 3 * 8  # the greeting, and what eight plugins have to say

_ENCRYPTED = passwords.encrypted

Make = Callable[[MysqlLogin, int], Talk]


def _let_in(_: MysqlLogin, dice: int) -> Generator[Command, Any, Mapping[str, Any]]:
    """The client's half alone, with the greeting of either server."""
    flags = from_wire(MARIADB, MARIADB_EXTENSION) if dice & 1 else Capability(MYSQL)
    version = "11.8.3-MariaDB" if dice & 1 else "9.7.4"
    upstream = Greeting(version, 7, SCRAMBLE, flags, 255, 2)
    shown = upstream.for_clients(make_scramble(nonce), local_files=bool(dice & 2))
    client = Exchange(Side.CLIENT)
    response = yield from greet(client, shown)
    before_ok = yield from take_any_proof(client, response, shown.scramble)
    return asdict(response) | {"before OK": before_ok}


def _upstream(login: MysqlLogin, dice: int) -> Generator[Command, Any, Mapping[str, str]]:
    """Upstream's half alone, for a client that has chosen anything."""
    upstream = yield from dial(login)
    session = yield from log_in(upstream, a_response(dice), nonce)
    return {**session.facts, "ok": session.ok.hex()}


GENERATORS: dict[str, Make] = {
    "let_in": _let_in,
    "upstream": _upstream,
    "handshake": lambda login, dice: handshake(nonce),
    "login": lambda login, dice: try_login(login, nonce),
    "probe": lambda login, dice: probe(login.role),
}


def check(make: Make, key: str, conversation: Conversation) -> Checked:
    """`key` is the RSA key of the server, which a role may know."""

    def start(cut: int) -> tuple[Conversing, Login, Talk]:
        login = a_login(conversation.dice, key)
        script = a_script(conversation, login, cut)
        if make is GENERATORS["probe"]:
            script.connect()
        return script, login, make(login, conversation.dice)

    with patch.object(passwords, "encrypted", _always_the_same):
        return logins.check(_RULES, start, conversation)


def _always_the_same(password: bytes, scramble: bytes, key: RSAPublicKey) -> bytes:
    """As many bytes as what is encrypted has, which is never the same twice."""
    return bytes(len(_ENCRYPTED(password, scramble, key)))


def _readable(data: bytes) -> bool:
    return all(PACKETS.is_whole(packet) for packet in PACKETS.split(data))


def _protects(login: Login, tls: Tls | None) -> bool:
    """The server's own rule: nobody on the way can read it."""
    return tls is not None or isinstance(login.endpoint, UnixEndpoint)


def _most_read(peer: Peer) -> int:
    """As many packets as there can be."""
    most = _MOST_FROM_CLIENT if peer.side is Side.CLIENT else _MOST_FROM_UPSTREAM
    return sum(map(len, PACKETS.split(b"".join(peer.turns))[:most]))


_RULES = Rules(
    password=CANARY,
    account=ACCOUNT,
    framing=SESSION,
    readable=_readable,
    protects=_protects,
    most_read=_most_read,
)

"""What a login is driven with: a role's settings, what a client says, and who stands at the ends.

All of it is drawn by a conversation's dice, but for dice of 0: they are a role that trusts its
server in plain and at one host.
"""

from random import Random
from typing import Any

from protocols.api import Disconnected, Side, TcpEndpoint, Tls, TlsMode, UnixEndpoint
from protocols.errors import Reason, Refusal
from protocols.mysql.capabilities import NEEDED, Capability
from protocols.mysql.login import MysqlLogin, MysqlOptions
from protocols.mysql.messages import HandshakeResponse
from tests.fuzz.conversation import Conversation
from tests.fuzz.logins import Conversing
from tests.fuzz.mysql.framing import PACKETS
from tests.protocols.mysql.server import role
from tests.protocols.script import Fault, Peer, Turns
from tests.secrecy import CANARY, canary

_CONNECTIONS = 32
_MODES = (TlsMode.DISABLE, TlsMode.PREFER, TlsMode.REQUIRE, TlsMode.VERIFY_FULL)
_LONG = canary("x" * 400)  # longer than an RSA key can hide, and than a byte can count


class _Numbering(Peer):
    """Numbers its packets as if it had counted those that it was sent: most changes to a login
    are worth nothing where the next packet has another number than the one that is due."""

    due: int

    def take_answer(self, data: bytes) -> None:
        super().take_answer(data)
        packets = PACKETS.split(data)
        if packets and len(packets[-1]) > 3:
            self.due = packets[-1][3] + 1

    def _begin_next_turn(self) -> None:
        super()._begin_next_turn()
        self.number()

    def number(self) -> None:
        """The packets of the turn at hand."""
        packets = PACKETS.split(self.turns[self._turn])
        turn = b"".join(
            packet[:3] + bytes((self.due + i & 0xFF,)) + packet[4:] if len(packet) > 3 else packet
            for i, packet in enumerate(packets)
        )
        self.due += len(packets)
        self.turns = [*self.turns[: self._turn], turn, *self.turns[self._turn + 1 :]]


class NumberedScript(Conversing):
    """A script whose sides number their packets by what they were sent."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.to_client = _numbering(self.to_client, 1)

    def connect(self) -> None:
        try:
            super().connect()
        finally:
            self.connections[-1] = _numbering(self.connections[-1], 0)


def _numbering(peer: Peer, due: int) -> Peer:
    numbering = _Numbering(peer.turns, peer.side, peer.waits, peer.patient)
    numbering.due = due
    if numbering.turns:
        numbering.number()
    return numbering


def a_login(dice: int, key: str) -> MysqlLogin:
    """`key` is what a server encrypts passwords with."""
    trusting = MysqlOptions(allow_public_key_retrieval=True, databases=("app",))
    if not dice:
        return role(TlsMode.DISABLE, options=trusting)
    random = Random(dice)
    options = MysqlOptions(
        databases=random.choice(((), ("*",))),
        allow_public_key_retrieval=random.random() < 0.6,
        local_infile=random.random() < 0.8,
    )
    return role(
        random.choice(_MODES),
        password=random.choice((CANARY, CANARY, CANARY, "", _LONG)),
        endpoint=random.choice((TcpEndpoint("db.example", 3306), UnixEndpoint("/run/db.sock"))),
        database=random.choice(("app_db", "app_db", None)),
        public_key=random.choice((None, None, key)),
        options=options,
    )


def a_response(dice: int) -> HandshakeResponse:
    """What a client has said, and was offered."""
    random = Random(dice)
    flags = NEEDED | Capability(random.getrandbits(38) & ~Capability.SSL)
    return HandshakeResponse(
        capabilities=flags,
        max_packet_size=random.getrandbits(32),
        charset=random.getrandbits(8),
        user="app",
        database=random.choice(("", "app")),
        attributes=random.choice((b"", b"\1a\1b")),
        zstd_level=random.randint(0, 22),
    )


def a_script(conversation: Conversation, login: MysqlLogin, cut: int) -> Conversing:
    """What is said, over connections of which some cannot be made, or have no TLS."""
    random = Random(conversation.dice)
    turns = [s.data for s in conversation.steps if s.side is Side.UPSTREAM and s.data]
    servers: list[Turns | Fault] = [turns]
    if conversation.dice:
        unreachable = Refusal(Reason.UPSTREAM_UNREACHABLE, "it cannot be reached")
        servers += random.choices([turns, turns, turns[1:], unreachable], k=3)
    script = NumberedScript if random.random() < 0.8 else Conversing
    settings: dict[str, Any] = {"patient": False, "cut": cut, "tls": _tls(random)}
    return script(
        client=[s.data for s in conversation.steps if s.side is Side.CLIENT and s.data],
        servers=servers * _CONNECTIONS,
        logins=[login] * random.randint(1, 2),
        **settings,
    )


def _tls(random: Random) -> Tls | Fault:
    """What a TLS handshake comes to."""
    if random.random() < 0.1:
        return Refusal(Reason.UPSTREAM_INSECURE, "its certificate was not accepted")
    if random.random() < 0.1:
        return Disconnected(Side.CLIENT)
    return Tls("TLSv1.3", random.random() < 0.7, b"certificate")

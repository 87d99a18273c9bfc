"""What a login is driven with: a role's settings, and what stands at the other ends.

All of it is drawn by a conversation's dice, but for dice of 0: they are a role that allows every
method, in plain and at one host.
"""

from random import Random

from protocols.api import Side, TcpEndpoint, Tls, TlsMode
from protocols.errors import Reason, Refusal
from protocols.postgres.demands import METHODS, ChannelBinding, TargetSession
from protocols.postgres.login import PostgresLogin, PostgresOptions
from tests.fuzz.conversation import Conversation
from tests.fuzz.logins import Conversing
from tests.protocols.postgres.server import role
from tests.protocols.script import Fault, Turns

PASSWORD = "pencil"  # RFC 7677's own, so that a recorded proof stays one
_CONNECTIONS = 32


def a_login(dice: int) -> PostgresLogin:
    if not dice:
        return role(TlsMode.DISABLE, *METHODS, password=PASSWORD)
    random = Random(dice)
    options = PostgresOptions(
        databases=random.choice(((), ("*",))), replication=random.random() < 0.5
    )
    return role(
        random.choice(list(TlsMode)),
        *random.sample(METHODS, random.randint(1, len(METHODS))),
        password=random.choice((PASSWORD, PASSWORD, "")),
        fallbacks=random.choice(((), (), (TcpEndpoint("other.example", 5432),))),
        target_session=random.choice(list(TargetSession)),
        channel_binding=random.choice(list(ChannelBinding)),
        options=options,
    )


def a_script(
    conversation: Conversation, login: PostgresLogin, certificate: bytes, cut: int
) -> Conversing:
    """What is said, over connections of which some cannot be made, or have no TLS."""
    random = Random(conversation.dice)
    turns = [s.data for s in conversation.steps if s.side is Side.UPSTREAM and s.data]
    servers: list[Turns | Fault] = [turns]
    if conversation.dice:
        unreachable = Refusal(Reason.UPSTREAM_UNREACHABLE, "it cannot be reached")
        asked = login.tls.mode not in (TlsMode.DISABLE, TlsMode.ALLOW)
        servers = [[random.choice((b"S", b"S", b"N", b"E")), *turns]] if asked else [turns]
        servers += random.choices([[b"S", *turns], [b"N", *turns], turns, unreachable], k=3)
    return Conversing(
        client=[s.data for s in conversation.steps if s.side is Side.CLIENT and s.data],
        servers=servers * _CONNECTIONS,
        cut=cut,
        logins=[login] * random.randint(1, 2),
        tls=_tls(random, certificate),
        patient=False,
    )


def _tls(random: Random, certificate: bytes) -> Tls | Refusal:
    """What a TLS handshake comes to."""
    if random.random() < 0.2:
        return Refusal(Reason.UPSTREAM_INSECURE, "its certificate was not accepted")
    return Tls("TLSv1.3", random.random() < 0.7, certificate)

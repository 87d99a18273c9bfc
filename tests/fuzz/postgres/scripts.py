"""Logins that no server here would have: written by the documentation, for both sides.

Each is what the client says until it is let in, and what upstream answers it with.
"""

from collections.abc import Mapping, Sequence
from struct import pack

from protocols.api import Side
from protocols.postgres.channel_binding import tls_server_end_point
from tests.fuzz.conversation import Conversation, Step
from tests.fuzz.postgres.drawn import PASSWORD
from tests.protocols.postgres.server import (
    ACCOUNT,
    GREETINGS,
    KEY,
    NOTICE,
    OK,
    ScramServer,
    authentication,
    error,
)
from tests.wire import cancel_request, message, startup

_SSL_REQUEST = pack(">ii", 8, 80877103)
_GSSENC_REQUEST = pack(">ii", 8, 80877104)
STARTUP = startup(user="app", database="app", application_name="fuzz", options="-c geqo=off")
_SCRAM = ScramServer(PASSWORD.encode())
_OFFER = authentication(10, b"SCRAM-SHA-256\0\0")
_FIRST = _SCRAM.first
_NO_PASSWORD = f'password authentication failed for user "{ACCOUNT}"'

_CLIENTS: Mapping[str, Sequence[bytes]] = {
    "plain": [STARTUP],
    "asks_for_tls": [_SSL_REQUEST, STARTUP],
    "asks_for_gss_and_tls": [_GSSENC_REQUEST, _SSL_REQUEST, STARTUP],
    "asks_twice": [_SSL_REQUEST, _SSL_REQUEST, STARTUP],
    "sends_before_tls": [_SSL_REQUEST + STARTUP],
    "direct_tls": [b"\x16\3\1" + bytes(20), STARTUP],
    "newest": [startup(0x30002, user="app")],
    "newer_than_any": [startup(0x3270F, **{"user": "app", "_pq_.a": "1", "_pq_.b": ""})],
    "old": [startup(0x20000, user="app")],
    "replication": [startup(user="app", replication="database")],
    "another_database": [startup(user="app", database="other")],
    "cancel": [cancel_request(KEY)],
    "cancel_by_long_key": [_SSL_REQUEST, cancel_request(bytes(36))],
    "query_at_once": [STARTUP + message(b"Q", b"SELECT 1\0")],
}
_SERVERS: dict[str, Sequence[bytes]] = {
    "trust": [OK + GREETINGS],
    "cleartext": [authentication(3), OK + GREETINGS],
    "md5": [authentication(5, b"salt"), OK + GREETINGS],
    "scram": _SCRAM.turns,
    "scram_plus_without_tls": [authentication(10, b"SCRAM-SHA-256-PLUS\0SCRAM-SHA-256\0\0")],
    "scram_without_proof": [_OFFER, authentication(11, _FIRST), OK + GREETINGS],
    "scram_with_extension": [_OFFER, authentication(11, b"m=x," + _FIRST)],
    "scram_of_another_nonce": [_OFFER, authentication(11, b"r=x,s=c2FsdA==,i=4096")],
    "scram_of_no_iterations": [_OFFER, authentication(11, _FIRST.replace(b"i=3", b"i=0"))],
    "scram_of_too_many": [_OFFER, authentication(11, _FIRST.replace(b"i=3", b"i=4294967295"))],
    "scram_refused": [_OFFER, authentication(11, _FIRST), authentication(12, b"e=other-error")],
    "other_methods": [b"".join(authentication(number, bytes(4)) for number in (2, 6, 7, 8, 9, 13))],
    "refused": [_OFFER, authentication(11, _FIRST), error("28P01", _NO_PASSWORD)],
    "refused_for_its_own_reason": [OK + NOTICE + error("42501", f'no "{ACCOUNT}" here')],
    "starting": [error("57P03", "the database system is starting up")],
    "negotiates": [message(b"v", pack(">iiI", 0x30000, 1, 0)[:8] + b"_pq_.a\0") + OK + GREETINGS],
    "long_key": [OK + message(b"K", bytes(4) + bytes(range(256))[:32]) + message(b"Z", b"I")],
    "no_key": [OK + message(b"Z", b"I")],
    "web": [b"HTTP/1.1 400 Bad Request\r\n\r\n"],
}


def scripts(certificate: bytes) -> dict[str, Conversation]:
    """By name: every client with a server that lets it in, and every server with a client, among
    them one that has this certificate."""
    clients = {name: (said, _SCRAM.turns) for name, said in _CLIENTS.items()}
    bound = b"p=tls-server-end-point,," + (tls_server_end_point(certificate) or b"")
    plus = {"scram_plus": ScramServer(PASSWORD.encode(), channel=bound).turns}
    servers = {name: (_CLIENTS["plain"], said) for name, said in (_SERVERS | plus).items()}
    return {
        f"{whose}_{name}": _conversation(*pair)
        for whose, pairs in (("client", clients), ("server", servers))
        for name, pair in pairs.items()
    }


def _conversation(asked: Sequence[bytes], answered: Sequence[bytes]) -> Conversation:
    steps = [Step(Side.CLIENT, data) for data in asked]
    return Conversation((*steps, *(Step(Side.UPSTREAM, data) for data in answered)))

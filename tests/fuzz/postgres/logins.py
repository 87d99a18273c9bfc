"""PostgreSQL's handshake, trial login, cancel and probe, driven over scripted bytes."""

from collections.abc import Callable

from protocols.api import Login, Side, Tls
from protocols.postgres.cancel import send_cancel
from protocols.postgres.client import probe
from protocols.postgres.handshake import handshake
from protocols.postgres.log_in import try_login
from protocols.postgres.login import PostgresLogin
from tests.fuzz import logins
from tests.fuzz.conversation import Conversation
from tests.fuzz.logins import Conversing, Rules, Talk
from tests.fuzz.postgres.drawn import PASSWORD, a_login, a_script
from tests.fuzz.postgres.framing import LOGIN, MESSAGES
from tests.fuzz.target import Checked
from tests.protocols.postgres.server import ACCOUNT, KEY, nonce
from tests.protocols.script import Peer

_MOST_FROM_CLIENT = 3 * 10_004
_MOST_FROM_UPSTREAM = (1 << 18) + 5 * 30_000

Make = Callable[[PostgresLogin], Talk]
GENERATORS: dict[str, Make] = {
    "handshake": lambda login: handshake(nonce),
    "login": lambda login: try_login(login, nonce),
    "cancel": lambda login: send_cancel(login, KEY),
    "probe": lambda login: probe(login.role),
}


def check(make: Make, certificate: bytes, conversation: Conversation) -> Checked:
    """`certificate` is what upstream shows where there is TLS."""

    def start(cut: int) -> tuple[Conversing, Login, Talk]:
        login = a_login(conversation.dice)
        script = a_script(conversation, login, certificate, cut)
        if make is GENERATORS["probe"]:
            script.connect()
        return script, login, make(login)

    return logins.check(_RULES, start, conversation)


def _readable(data: bytes) -> bool:
    """Whether it is an answer to a request for encryption, or whole messages."""
    whole = all(int.from_bytes(m[1:5], "big") + 1 == len(m) for m in MESSAGES.split(data))
    return data in (b"S", b"N") or whole


def _protects(_: Login, tls: Tls | None) -> bool:
    return tls is not None and tls.verified


def _most_read(peer: Peer) -> int:
    return _MOST_FROM_CLIENT if peer.side is Side.CLIENT else _MOST_FROM_UPSTREAM


_RULES = Rules(
    password=PASSWORD,
    account=ACCOUNT,
    framing=LOGIN,
    readable=_readable,
    protects=_protects,
    most_read=_most_read,
)

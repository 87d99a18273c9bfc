"""The conversations that are recorded of a real PostgreSQL.

Of a session only what is said after login is kept, and of a login only what upstream says: its
password is one for this, on a server that is gone when this ends.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import Any

import psycopg

from protocols.api import Side, TcpEndpoint, TlsMode
from protocols.errors import Refusal
from protocols.postgres.demands import METHODS
from protocols.postgres.log_in import try_login
from proxy.demo.postgres import EmbeddedPostgres, bundled
from tests.fuzz.conversation import Conversation, Step
from tests.fuzz.postgres import driven, sessions
from tests.fuzz.postgres.certificates import CERTIFICATE, new_certificates
from tests.fuzz.postgres.drawn import PASSWORD
from tests.fuzz.postgres.framing import LOGIN, MESSAGES, SESSION
from tests.fuzz.postgres.scripts import STARTUP
from tests.fuzz.postgres.sessions import USER, Place
from tests.fuzz.recording import Dialled, Recording, sessions_of
from tests.fuzz.relay import Relay
from tests.protocols.postgres.server import ACCOUNT, nonce, role

_HBA = (
    f"host all,replication {USER} 127.0.0.1/32 trust",
    "host all md5_account 127.0.0.1/32 md5",
    "host all all 127.0.0.1/32 scram-sha-256",
)
_SETTINGS = {"wal_level": "logical", "max_connections": "20"}
_ACCOUNTS = f"""
CREATE ROLE {USER} SUPERUSER REPLICATION LOGIN;
CREATE ROLE {ACCOUNT} LOGIN PASSWORD '{PASSWORD}';
SET password_encryption = 'md5';
CREATE ROLE md5_account LOGIN PASSWORD '{PASSWORD}';
CREATE PUBLICATION p FOR ALL TABLES;
"""
_SESSIONS = (
    sessions.simple,
    sessions.simple_errors,
    sessions.portals,
    sessions.pipelines_with_errors,
    sessions.copy_in,
    sessions.copy_out,
    sessions.function_calls,
    sessions.replication,
    sessions.terminated,
    sessions.broken,
    driven.extended_by_psycopg,
    driven.pipelines_by_psycopg,
    driven.cursors_by_asyncpg,
    driven.parameters_by_asyncpg,
    driven.copy_by_psycopg,
    driven.cancelled,
)
_LOGIN = role(TlsMode.DISABLE, *METHODS, password=PASSWORD, database="postgres")
_LOGINS: Mapping[str, Mapping[str, Any]] = {
    "scram": {"user": ACCOUNT},
    "md5": {"user": "md5_account"},
    "trust": {"user": USER},
    "wrong_password": {"user": ACCOUNT, "password": "another"},
    "no_such_account": {"user": "nobody"},
    "no_such_database": {"user": ACCOUNT, "database": "none"},
}


@contextmanager
def _server() -> Iterator[Place]:
    binaries = bundled()[max(bundled())]
    with EmbeddedPostgres(binaries, settings=_SETTINGS, hba=_HBA) as server:
        server.execute(_ACCOUNTS)
        yield "127.0.0.1", server.port


def _sessions(server: Place) -> Iterator[tuple[str, Conversation]]:
    for session in _SESSIONS:
        with Relay(server) as relay:
            session(("127.0.0.1", relay.port))
        yield from sessions_of(session.__name__, relay, after_login)


def after_login(conversation: Conversation) -> Conversation:
    """What follows upstream's first ReadyForQuery; nothing, of a cancel request."""
    steps = conversation.steps
    for i, step in enumerate(steps):
        messages = MESSAGES.split(step.data) if step.side is Side.UPSTREAM else []
        ready = (
            [m[:1] for m in messages].index(b"Z") + 1 if b"Z" in [m[:1] for m in messages] else 0
        )
        if ready:
            rest = b"".join(messages[ready:])
            return Conversation(((Step(step.side, rest),) if rest else ()) + steps[i + 1 :])
    return Conversation(())


def _logins(server: Place) -> Iterator[tuple[str, Conversation]]:
    for name, settings in _LOGINS.items():
        with Relay(server) as relay:
            login = replace(_LOGIN, endpoint=TcpEndpoint("127.0.0.1", relay.port), **settings)
            with suppress(Refusal):
                Dialled().run(try_login(login, nonce))
        (conversation,) = relay.conversations
        said = [step for step in conversation.steps if step.side is Side.UPSTREAM]
        yield name, Conversation((Step(Side.CLIENT, STARTUP), *said))


def recordings() -> Iterator[Recording]:
    """Of every session and login, and of certificates that are made for this."""
    with _server() as server:
        host, port = server
        with psycopg.connect(host=host, port=port, user=USER, dbname="postgres") as connection:
            about = f"PostgreSQL {connection.info.server_version // 10_000}, recorded"
        for name, said in _sessions(server):
            yield Recording("sessions", name, about, SESSION, said)
        for name, said in _logins(server):
            yield Recording("logins", name, about, LOGIN, said)
    for name, said in new_certificates().items():
        yield Recording("certificates", name, "made", CERTIFICATE, said)

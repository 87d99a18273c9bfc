"""The conversations that are recorded of a real MySQL and of a real MariaDB.

Of a session only what is said after login is kept, and of a login only what upstream says.
"""

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from pathlib import Path

from protocols.api import Side, TcpEndpoint, TlsMode
from protocols.errors import Refusal
from protocols.mysql.capabilities import Capability, from_wire
from protocols.mysql.greeting import Greeting
from protocols.mysql.log_in import try_login
from protocols.mysql.login import MysqlOptions
from tests.fuzz.conversation import Conversation, Step
from tests.fuzz.mysql import sessions
from tests.fuzz.mysql.framing import COMPRESSED, PACKETS, SESSION, body
from tests.fuzz.mysql.settings import dice_of
from tests.fuzz.recording import Dialled, Recording, sessions_of
from tests.fuzz.relay import Relay
from tests.protocols.mysql.server import ACCOUNT, nonce, packet, response, role
from tests.secrecy import canary
from tests.servers.authority import Authority
from tests.servers.debian import Debian
from tests.servers.mysql import DATABASE, MysqlServers
from tests.servers.mysql_flavours import ED25519, NATIVE, PARSEC, SHA2, SHA256
from tests.servers.mysqld import MysqlServer

RESPONSE = packet(1, response("app", database="app"))
"""What the client of a recorded login says."""

_ACCOUNT = "CREATE USER '{user}'@'%'; GRANT ALL ON {database}.* TO '{user}'@'%'"
_SESSIONS = {"mysql": sessions.MYSQL, "mariadb": sessions.MARIADB, "latest_mariadb": {}}
_LOGINS: Mapping[str, Mapping[str, Mapping[str, object]]] = {
    "mysql": {
        "caching_sha2": {"user": SHA2},
        "caching_sha2_known": {"user": SHA2},
        "sha256": {"user": SHA256},
        "no_such_account": {"user": ACCOUNT},
        "wrong_password": {"user": SHA2, "password": canary("wrong")},
        "no_such_database": {"user": SHA2, "database": "none"},
    },
    "mariadb": {
        "native": {"user": NATIVE},
        "ed25519": {"user": ED25519},
        "no_such_account": {"user": ACCOUNT},
        "no_such_database": {"user": NATIVE, "database": "none"},
    },
    "latest_mariadb": {"parsec": {"user": PARSEC}, "caching_sha2": {"user": SHA2}},
}
_PROGRAMS: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "mysql": {
        "zlib": ("mysql", "--ssl-mode=DISABLED", "--compression-algorithms=zlib"),
        "zstd": ("mysql", "--ssl-mode=DISABLED", "--compression-algorithms=zstd"),
    },
    "mariadb": {"zlib": ("mariadb", "--skip-ssl", "--compress")},
    "latest_mariadb": {},
}


@contextmanager
def _servers() -> Iterator[MysqlServers]:
    with ExitStack() as stack:
        directory = stack.enter_context(tempfile.TemporaryDirectory(prefix="keyless-authority-"))
        yield MysqlServers(stack, Authority(Path(directory)))


def recordings() -> Iterator[Recording]:
    """Of every session and login of every server, and of compressed sessions."""
    with _servers() as servers:
        for name in _SESSIONS:
            server = servers.running(name)
            server.execute(_ACCOUNT.format(user=sessions.USER, database=DATABASE))
            ((version,),) = server.execute("SELECT version()")
            about = f"{name.rpartition('_')[2]} {version.partition('-')[0]}, recorded"
            for recorded, said in _sessions(name, server):
                yield Recording("sessions", recorded, about, SESSION, said)
            for recorded, said in _compressed(name, server):
                yield Recording("compressed", recorded, about, COMPRESSED, said)
            for recorded, said in _logins(name, server):
                yield Recording("logins", recorded, about, SESSION, said)


def _sessions(kind: str, server: MysqlServer) -> Iterator[tuple[str, Conversation]]:
    for name, session in _SESSIONS[kind].items():
        yield from _recorded(f"{kind}_{name}", server, session)


def _compressed(kind: str, server: MysqlServer) -> Iterator[tuple[str, Conversation]]:
    for name, (program, *options) in _PROGRAMS[kind].items():
        debian = server.flavour.debian
        session = partial(_run, debian, program, options)
        yield from _recorded(f"{kind}_{name}", server, session)


def _run(debian: Debian, program: str, options: list[str], port: int) -> None:
    sessions.compressed(port, program, debian, *options)


def _recorded(
    name: str, server: MysqlServer, session: sessions.Session
) -> Iterator[tuple[str, Conversation]]:
    with Relay(("127.0.0.1", server.port)) as relay:
        session(relay.port)
    yield from sessions_of(name, relay, _after_login)


def _after_login(conversation: Conversation) -> Conversation:
    """What follows upstream's OK, with the dice of what was agreed before it."""
    steps = conversation.steps
    for i, step in enumerate(steps):
        packets = PACKETS.split(step.data) if step.side is Side.UPSTREAM else []
        for number, said in enumerate(packets):
            if body(said)[:1] == b"\0":
                rest = b"".join(packets[number + 1 :])
                after = ((Step(step.side, rest),) if rest else ()) + steps[i + 1 :]
                return Conversation(after, dice_of(_agreed(conversation)))
    return Conversation(())


def _agreed(conversation: Conversation) -> Capability:
    greeting = Greeting.decode(body(PACKETS.split(conversation.said(Side.UPSTREAM))[0]))
    said = body(PACKETS.split(conversation.said(Side.CLIENT))[0])
    lower, extension = (int.from_bytes(part, "little") for part in (said[:4], said[28:32]))
    return from_wire(lower, extension) & greeting.capabilities


def _logins(kind: str, server: MysqlServer) -> Iterator[tuple[str, Conversation]]:
    for name, settings in _LOGINS[kind].items():
        with Relay(("127.0.0.1", server.port)) as relay:
            endpoint = TcpEndpoint("127.0.0.1", relay.port)
            options = MysqlOptions(allow_public_key_retrieval=True)
            known = {"endpoint": endpoint, "options": options, "database": DATABASE}
            login = role(TlsMode.DISABLE, **{**known, **settings})
            with suppress(Refusal):
                Dialled().run(try_login(login, nonce))
        (conversation,) = relay.conversations
        said = [step for step in conversation.steps if step.side is Side.UPSTREAM]
        yield f"{kind}_{name}", Conversation((Step(Side.CLIENT, RESPONSE), *said))

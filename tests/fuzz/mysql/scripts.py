"""Logins that no server here would have: written by the documentation, for both sides.

Each is what the client says until it is let in, and what upstream answers it with.
"""

from collections.abc import Mapping, Sequence

from protocols.api import Side
from tests.fuzz.conversation import Conversation, Step
from tests.protocols.mysql.server import (
    ACCOUNT,
    CLIENT,
    COMPRESS,
    EXPIRED,
    FAST,
    FULL,
    MARIADB,
    MARIADB_EXTENSION,
    MYSQL,
    NATIVE,
    SHA2,
    SSL,
    attributes,
    error,
    greeting,
    head,
    ok,
    packet,
    response,
    switch,
)

_LONG = bytes(range(65, 97))  # a scramble of MariaDB's own plugins
_SALT = b"\x01P\0" + bytes(18)
_OK = ok()
_PROGRAM = attributes(program_name="fuzz", _pid="1")

_CLIENTS: Mapping[str, Sequence[bytes]] = {
    "plain": [response("app")],
    "asks_for_tls": [head(CLIENT | SSL), response("app", capabilities=CLIENT | SSL)],
    "asks_for_tls_of_old": [b"\x00\x8a\0\0", response("app", capabilities=CLIENT | SSL)],
    "proves": [response("app", bytes(32), attributes=_PROGRAM)],
    "native": [response("app", bytes(20), plugin=NATIVE), bytes(20)],
    "clear": [response("app", plugin="mysql_clear_password"), b"\0"],
    "without_plugin": [response("app", bytes(20), plugin=None)],
    "database": [response("app", database="app")],
    "another_database": [response("app", database="other")],
    "zlib": [response("app", capabilities=CLIENT | COMPRESS)],
    "zstd": [response("app", attributes=_PROGRAM, zstd_level=3)],
    "mariadb": [response("app", capabilities=CLIENT & ~1, extension=MARIADB_EXTENSION)],
    "older_than_4_1": [b"\x05\0\0\0\1app\0\0"],
    "all_flags": [head(0xFFFF_FFFF) + b"app\0\0app\0" + SHA2.encode() + b"\0\0\0"],
}
_GREETING = greeting()
_MARIADB_GREETING = greeting("5.5.5-10.11.2-MariaDB", MARIADB, NATIVE, extension=MARIADB_EXTENSION)
_SERVERS: Mapping[str, Sequence[bytes]] = {
    "native": [_MARIADB_GREETING, _OK],
    "fast": [_GREETING, FAST, _OK],
    "full": [_GREETING, FULL, _OK],
    "full_with_no_key": [_GREETING, FULL, b"\x01-----BEGIN PUBLIC KEY-----\n", _OK],
    "switch_to_native": [_GREETING, switch(NATIVE), _OK],
    "switch_to_sha256": [_GREETING, switch("sha256_password"), b"\x01no key", _OK],
    "switch_to_clear": [_GREETING, switch("mysql_clear_password", b""), _OK],
    "switch_to_ed25519": [_MARIADB_GREETING, switch("client_ed25519", _LONG), _OK],
    "switch_to_parsec": [_MARIADB_GREETING, switch("parsec", _LONG), _SALT, ok(b"\1proof")],
    "switch_to_old": [_GREETING, b"\xfe"],
    "switch_to_unknown": [_GREETING, switch("dialog", b"")],
    "switches_without_end": [_GREETING, *[switch(NATIVE)] * 12],
    "short_scramble": [_GREETING, switch(NATIVE, b"short"), _OK],
    "offers_tls": [greeting(capabilities=MYSQL | SSL), FAST, _OK],
    "offers_little": [greeting("5.1.0", 0xF7FF), _OK],
    "older_than_4_1": [b"\x0a4.0\0" + bytes(13)],
    "refused": [_GREETING, error(1045, f"Access denied for user '{ACCOUNT}'", "28000")],
    "expired": [greeting(capabilities=MYSQL | EXPIRED), error(1862, "expired")],
    "too_many": [error(1040, "Too many connections", None)],
    "tracks": [_GREETING, FAST, ok(b"", status=0x4002, state=b"\1\4\3app")],
    "more_than_it_has_to_say": [_GREETING, FAST, FAST, _OK],
    "web": [b"TTP/1.1 400 Bad Request\r\n\r\n"],
}


def scripts() -> dict[str, Conversation]:
    """By name: every client with a server that lets it in, and every server with a client."""
    clients = {name: (said, _SERVERS["fast"]) for name, said in _CLIENTS.items()}
    servers = {name: (_CLIENTS["plain"], said) for name, said in _SERVERS.items()}
    return {
        f"{whose}_{name}": _conversation(*pair)
        for whose, pairs in (("client", clients), ("server", servers))
        for name, pair in pairs.items()
    }


def _conversation(asked: Sequence[bytes], answered: Sequence[bytes]) -> Conversation:
    """Each in a packet, numbered as the shortest way through a login is."""
    client = [Step(Side.CLIENT, packet(1 + 2 * i, said)) for i, said in enumerate(asked)]
    upstream = [Step(Side.UPSTREAM, packet(2 * i, said)) for i, said in enumerate(answered)]
    return Conversation((*client, *upstream))

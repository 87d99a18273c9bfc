"""Capability flags: what both ends of a connection can do, and what this proxy lets them agree on.

After login bytes pass as they are, so whatever shapes them must be the same on both legs: the
client is offered what upstream offers, as far as we know it, and upstream is told what the client
chose. Source: "Capabilities Flags" in MySQL's documentation and MariaDB's.
"""

import re
from dataclasses import dataclass
from enum import IntFlag

_FIRST_WITH_QUERY_ATTRIBUTES = (8, 0, 26)
_EXTENSION = 32  # where MariaDB's own flags begin
_VERSION = re.compile(r"(\d{1,5})\.(\d{1,5})\.(\d{1,5})", re.ASCII)


class Capability(IntFlag):
    """MySQL's names less CLIENT_; MariaDB's own are the upper 32, which travel apart."""

    LONG_PASSWORD = 1 << 0  # not set by MariaDB: then its own flags are where MySQL has zeros
    FOUND_ROWS = 1 << 1
    LONG_FLAG = 1 << 2
    CONNECT_WITH_DB = 1 << 3
    NO_SCHEMA = 1 << 4
    COMPRESS = 1 << 5
    ODBC = 1 << 6
    LOCAL_FILES = 1 << 7
    IGNORE_SPACE = 1 << 8
    PROTOCOL_41 = 1 << 9
    INTERACTIVE = 1 << 10
    SSL = 1 << 11
    IGNORE_SIGPIPE = 1 << 12
    TRANSACTIONS = 1 << 13
    RESERVED = 1 << 14
    SECURE_CONNECTION = 1 << 15
    MULTI_STATEMENTS = 1 << 16
    MULTI_RESULTS = 1 << 17
    PS_MULTI_RESULTS = 1 << 18
    PLUGIN_AUTH = 1 << 19
    CONNECT_ATTRS = 1 << 20
    PLUGIN_AUTH_LENENC_CLIENT_DATA = 1 << 21
    CAN_HANDLE_EXPIRED_PASSWORDS = 1 << 22
    SESSION_TRACK = 1 << 23
    DEPRECATE_EOF = 1 << 24
    OPTIONAL_RESULTSET_METADATA = 1 << 25
    ZSTD_COMPRESSION_ALGORITHM = 1 << 26
    QUERY_ATTRIBUTES = 1 << 27
    MULTI_FACTOR_AUTHENTICATION = 1 << 28
    CAPABILITY_EXTENSION = 1 << 29
    SSL_VERIFY_SERVER_CERT = 1 << 30
    REMEMBER_OPTIONS = 1 << 31

    PROGRESS = 1 << 32
    COM_MULTI = 1 << 33
    STMT_BULK_OPERATIONS = 1 << 34
    EXTENDED_METADATA = 1 << 35
    CACHE_METADATA = 1 << 36
    BULK_UNIT_RESULTS = 1 << 37


COMPRESSION = Capability.COMPRESS | Capability.ZSTD_COMPRESSION_ALGORITHM

NEEDED = Capability.PROTOCOL_41 | Capability.SECURE_CONNECTION
"""Without these it is a server or client of the years before 2004."""

OF_ONE_LEG = (
    NEEDED
    | Capability.SSL
    | Capability.CONNECT_WITH_DB
    | Capability.PLUGIN_AUTH
    | Capability.PLUGIN_AUTH_LENENC_CLIENT_DATA
    | Capability.CONNECT_ATTRS
)
"""What only shapes the login, and each leg has its own."""

# An expired password is upstream's word to us: a client that could "handle" it would change it.
_KEPT_FROM_CLIENTS = (
    Capability.CAN_HANDLE_EXPIRED_PASSWORDS
    | Capability.MULTI_FACTOR_AUTHENTICATION
    | Capability.CAPABILITY_EXTENSION
    | Capability.SSL_VERIFY_SERVER_CERT
    | Capability.REMEMBER_OPTIONS
    | Capability.COM_MULTI
)
_KNOWN = Capability((1 << 38) - 1) & ~_KEPT_FROM_CLIENTS


def offered(upstream: Capability, server_version: str, *, local_files: bool) -> Capability:
    """What a client may choose from, where upstream offers this."""
    offer = upstream & _KNOWN | OF_ONE_LEG
    if not local_files:
        offer &= ~Capability.LOCAL_FILES
    if _lacks_query_attributes(server_version):  # 8.0.25 offers what it cannot read
        offer &= ~Capability.QUERY_ATTRIBUTES
    return offer


def _lacks_query_attributes(server_version: str) -> bool:
    match = _VERSION.match(server_version)
    return match is None or tuple(map(int, match.groups())) < _FIRST_WITH_QUERY_ATTRIBUTES


def from_wire(lower: int, extension: int) -> Capability:
    """The flags of one packet; its extension means something only in MariaDB's protocol."""
    flags = Capability(lower)
    if Capability.LONG_PASSWORD in flags:
        return flags
    return flags | Capability(extension << _EXTENSION)


def to_wire(flags: Capability) -> tuple[int, int]:
    """The lower half and MariaDB's extension."""
    return flags & 0xFFFF_FFFF, flags >> _EXTENSION


@dataclass(frozen=True, slots=True)
class Agreed:
    """What the login settled for all that follows it.

    `capabilities` are the client's own as far as they were offered; upstream was told the same,
    except OF_ONE_LEG. `thread_id` is upstream's, `charset` the collation both sides began with, and
    `scramble` what the client made its proof of.
    """

    capabilities: Capability
    server_version: str
    mariadb: bool
    charset: int
    thread_id: int
    scramble: bytes

    @property
    def compression(self) -> str | None:
        """The algorithm of every packet from now on: zlib goes before zstd."""
        if Capability.COMPRESS in self.capabilities:
            return "zlib"
        return "zstd" if Capability.ZSTD_COMPRESSION_ALGORITHM in self.capabilities else None

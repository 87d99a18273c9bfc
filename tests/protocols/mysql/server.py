"""What a MySQL server and its client say, as bytes, and a role's login on one: written by the
documentation, with nothing of ours that the tests are about.
"""

import hashlib
import struct
from dataclasses import dataclass

from protocols.api import TcpEndpoint, TlsMode, TlsPolicy
from protocols.mysql.login import MysqlLogin
from tests.protocols import script
from tests.secrecy import CANARY

ACCOUNT = "account_of_the_role"
NONCE = b"eighteen bytes now"
SCRAMBLE = b"abcdefgh12345678ABCD"
THREAD_ID = 4711
NATIVE, SHA2 = "mysql_native_password", "caching_sha2_password"

# The flags by their numbers in the documentation.
FOUND_ROWS, CONNECT_WITH_DB, COMPRESS, LOCAL_FILES = 1 << 1, 1 << 3, 1 << 5, 1 << 7
PROTOCOL_41, SSL, TRANSACTIONS, SECURE_CONNECTION = 1 << 9, 1 << 11, 1 << 13, 1 << 15
PLUGIN_AUTH, CONNECT_ATTRS, LENENC, EXPIRED = 1 << 19, 1 << 20, 1 << 21, 1 << 22
SESSION_TRACK, DEPRECATE_EOF, ZSTD, QUERY_ATTRIBUTES = 1 << 23, 1 << 24, 1 << 26, 1 << 27
MFA = 1 << 28
MYSQL = 0xDFFF_FFFF  # what MySQL 9.7 offers
MARIADB = 0x81FF_F7FE  # what MariaDB 10.11 offers, and what beyond that
MARIADB_EXTENSION = 0x1D
CLIENT = PROTOCOL_41 | TRANSACTIONS | SECURE_CONNECTION | PLUGIN_AUTH | LENENC | 1


class Script(script.Script):
    """In this protocol the server speaks first."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.to_client.waits = True

    def connect(self) -> None:
        super().connect()
        self.upstream.waits = False


def nonce() -> bytes:
    return NONCE


def role(mode: TlsMode = TlsMode.DISABLE, **settings: object) -> MysqlLogin:
    """A login of role `app`."""
    known: dict[str, object] = {
        "role": "app",
        "endpoint": TcpEndpoint("db.example", 3306),
        "user": ACCOUNT,
        "password": CANARY,
        "database": "app_db",
    }
    return MysqlLogin(tls=TlsPolicy(mode), **(known | settings))  # type: ignore[arg-type]


def packet(number: int, payload: bytes) -> bytes:
    return len(payload).to_bytes(3, "little") + bytes((number,)) + payload


def numbered(first: int, *payloads: bytes) -> bytes:
    return b"".join(packet(first + i, payload) for i, payload in enumerate(payloads))


def greeting(
    version: str = "9.7.4",
    capabilities: int = MYSQL,
    plugin: str = SHA2,
    *,
    extension: int = 0,
    scramble: bytes = SCRAMBLE,
    thread_id: int = THREAD_ID,
    charset: int = 255,
    status: int = 2,
) -> bytes:
    """HandshakeV10, less its header."""
    middle = struct.pack(
        "<HBHHB6xI",
        capabilities & 0xFFFF,
        charset,
        status,
        capabilities >> 16,
        len(scramble) + 1,
        extension,
    )
    head = b"\x0a" + version.encode() + b"\0" + struct.pack("<I", thread_id)
    last = scramble[8:] + b"\0" + plugin.encode() + b"\0"
    return head + scramble[:8] + b"\0" + middle + last


def response(
    user: str = "joe",
    answer: bytes = b"",
    *,
    capabilities: int = CLIENT,
    plugin: str | None = SHA2,
    database: str | None = None,
    attributes: bytes | None = None,
    zstd_level: int | None = None,
    extension: int = 0,
    charset: int = 45,
    max_packet: int = 1 << 24,
) -> bytes:
    """HandshakeResponse41, less its header: a flag is set for each part that is there."""
    parts = [user.encode() + b"\0", bytes((len(answer),)) + answer]
    if database is not None:
        capabilities |= CONNECT_WITH_DB
        parts.append(database.encode() + b"\0")
    if plugin is None:
        capabilities &= ~PLUGIN_AUTH
    else:
        parts.append(plugin.encode() + b"\0")
    if attributes is not None:
        capabilities |= CONNECT_ATTRS
        assert len(attributes) < 0xFB
        parts.append(bytes((len(attributes),)) + attributes)
    if zstd_level is not None:
        capabilities |= ZSTD
        parts.append(bytes((zstd_level,)))
    return head(capabilities, extension, charset, max_packet) + b"".join(parts)


def head(
    capabilities: int, extension: int = 0, charset: int = 45, max_packet: int = 1 << 24
) -> bytes:
    """What an SSLRequest is, and every response begins with."""
    return struct.pack("<IIB19xI", capabilities, max_packet, charset, extension)


def attributes(**pairs: str) -> bytes:
    encoded = (text.encode() for pair in pairs.items() for text in pair)
    return b"".join(bytes((len(text),)) + text for text in encoded)


def ok(info: bytes = b"", *, status: int = 2, state: bytes | None = None) -> bytes:
    tail = b"" if state is None else bytes((len(state),)) + state
    told = bytes((len(info),)) + info if info or tail else b""
    return b"\0\0\0" + struct.pack("<HH", status, 0) + told + tail


def error(code: int, sentence: str, sqlstate: str | None = "HY000") -> bytes:
    state = "" if sqlstate is None else f"#{sqlstate}"
    return b"\xff" + struct.pack("<H", code) + f"{state}{sentence}".encode()


def switch(plugin: str, data: bytes = SCRAMBLE + b"\0") -> bytes:
    return b"\xfe" + plugin.encode() + b"\0" + data


def native_answer(scramble: bytes = SCRAMBLE, password: bytes = CANARY.encode()) -> bytes:
    once = hashlib.sha1(password).digest()
    salted = hashlib.sha1(scramble + hashlib.sha1(once).digest()).digest()
    return bytes(a ^ b for a, b in zip(once, salted, strict=True))


def sha2_answer(scramble: bytes = SCRAMBLE, password: bytes = CANARY.encode()) -> bytes:
    once = hashlib.sha256(password).digest()
    salted = hashlib.sha256(hashlib.sha256(once).digest() + scramble).digest()
    return bytes(a ^ b for a, b in zip(once, salted, strict=True))


QUIT = packet(0, b"\x01")
FAST, FULL = b"\x01\x03", b"\x01\x04"


@dataclass(frozen=True)
class Said:
    """A response, taken apart as far as the tests look at it."""

    capabilities: int
    extension: int
    charset: int
    max_packet: int
    user: str
    answer: bytes
    rest: bytes

    @classmethod
    def decode(cls, payload: bytes) -> "Said":
        capabilities, size, charset, extension = struct.unpack_from("<IIB19xI", payload)
        user, _, rest = payload[32:].partition(b"\0")
        assert rest[0] < 0xFB or rest[0] == 0xFC
        length, begin = (rest[0], 1) if rest[0] < 0xFB else (int.from_bytes(rest[1:3], "little"), 3)
        answer, rest = rest[begin : begin + length], rest[begin + length :]
        return cls(capabilities, extension, charset, size, user.decode(), answer, rest)


def packets(data: bytes) -> list[tuple[int, bytes]]:
    """Numbers and payloads of what was sent."""
    found = []
    while data:
        end = 4 + int.from_bytes(data[:3], "little")
        found.append((data[3], data[4:end]))
        data = data[end:]
    return found

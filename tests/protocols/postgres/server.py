"""What a PostgreSQL server says, as bytes, and a role's login on one: written by the documentation,
with nothing of ours that the tests are about.
"""

import hashlib
import hmac
import struct
from base64 import b64decode, b64encode

from protocols.api import TcpEndpoint, TlsMode, TlsPolicy
from protocols.postgres.login import PostgresLogin
from tests.secrecy import CANARY
from tests.wire import message

ACCOUNT = "account_of_the_role"
NONCE = b"eighteen bytes now"


def nonce() -> bytes:
    return NONCE


def role(mode: TlsMode = TlsMode.DISABLE, *methods: str, **settings: object) -> PostgresLogin:
    """A login of role `app`; by SCRAM if no methods are named."""
    known: dict[str, object] = {
        "role": "app",
        "endpoint": TcpEndpoint("db.example", 5432),
        "user": ACCOUNT,
        "password": CANARY,
        "database": "app_db",
        "methods": frozenset(methods or {"scram-sha-256"}),
    }
    return PostgresLogin(tls=TlsPolicy(mode), **(known | settings))  # type: ignore[arg-type]


def authentication(method: int, data: bytes = b"") -> bytes:
    return message(b"R", struct.pack(">i", method) + data)


def error(code: str, sentence: str, severity: str = "FATAL") -> bytes:
    fields = (f"S{severity}", f"V{severity}", f"C{code}", f"M{sentence}")
    return message(b"E", b"".join(field.encode() + b"\0" for field in fields) + b"\0")


def parameter(name: str, value: str) -> bytes:
    return message(b"S", f"{name}\0{value}\0".encode())


OK = authentication(0)
READY = message(b"Z", b"I")
KEY = b"\0\0\x30\x39" + b"four"
PARAMETERS = parameter("server_version", "17.2 (Debian 17.2-1)") + parameter("TimeZone", "UTC")
NOTICE = message(b"N", b"SNOTICE\0VNOTICE\0C00000\0Mhello\0\0")
GREETINGS = PARAMETERS + NOTICE + message(b"K", KEY) + READY


class ScramServer:
    """The server's half of RFC 5802 and RFC 7677, for a client whose nonce is known, and who says
    `channel`: its GS2 header and what it binds the login to."""

    def __init__(
        self,
        password: bytes = CANARY.encode(),
        *,
        client_nonce: bytes = NONCE,
        salt: bytes = b"sixteen bytes...",
        iterations: int = 3,
        channel: bytes = b"n,,",
    ) -> None:
        key = block = hmac.digest(password, salt + b"\0\0\0\1", "sha256")
        for _ in range(iterations - 1):
            block = hmac.digest(password, block, "sha256")
            key = bytes(a ^ b for a, b in zip(key, block, strict=True))
        ours = b64encode(client_nonce).decode()
        self.nonce = ours + "3rfcNHYJY1ZVvWVs7j"
        self.first = f"r={self.nonce},s={b64encode(salt).decode()},i={iterations}".encode()
        self._plus = channel[:1] == b"p"
        self._without_proof = f"c={b64encode(channel).decode()},r={self.nonce}".encode()
        signed = b",".join((f"n=,r={ours}".encode(), self.first, self._without_proof))
        server_key = hmac.digest(key, b"Server Key", "sha256")
        self.final = b"v=" + b64encode(hmac.digest(server_key, signed, "sha256"))
        client_key = hmac.digest(key, b"Client Key", "sha256")
        self._stored_key = hashlib.sha256(client_key).digest()
        self._signature = hmac.digest(self._stored_key, signed, "sha256")

    def accepts(self, client_final: bytes) -> bool:
        """Whether the client has proven that it knows the password."""
        without_proof, _, proof = client_final.partition(b",p=")
        decoded = b64decode(proof, validate=True)
        client_key = bytes(a ^ b for a, b in zip(decoded, self._signature, strict=True))
        known = hashlib.sha256(client_key).digest() == self._stored_key
        return known and without_proof == self._without_proof

    @property
    def turns(self) -> list[bytes]:
        """The whole exchange, each message when the client has answered the one before."""
        return [
            authentication(10, b"SCRAM-SHA-256-PLUS\0" * self._plus + b"SCRAM-SHA-256\0\0"),
            authentication(11, self.first),
            authentication(12, self.final) + OK + GREETINGS,
        ]

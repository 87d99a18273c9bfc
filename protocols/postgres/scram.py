"""SCRAM-SHA-256 as a client (RFC 5802, RFC 7677), step by step and without I/O.

The exchange: `first()`, then `challenge()` on the server's first message, `derive()` (slow, so that
the caller decides where it runs), `final()`, and `verify()` on the server's final message.
"""

import hmac
import stringprep
import unicodedata
from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from dataclasses import dataclass, field
from hashlib import pbkdf2_hmac, sha256

MECHANISM = "SCRAM-SHA-256"
MAX_ITERATIONS = 100_000  # about 20 ms of one core; a server could else ask for hours of it
_MAX_NONCE = 1_024
_MAX_SALT = 1_024
_GS2_HEADER = "n,,"  # this mechanism has no channel binding, and upstream offers none with it


class ScramError(Exception):
    """The server broke the exchange, or could not prove that it knows the password."""


@dataclass(frozen=True, slots=True)
class Challenge:
    """The server's first message: its nonce (ours extended), the salt and the iteration count."""

    message: str
    nonce: str
    salt: bytes
    iterations: int


@dataclass(frozen=True, slots=True)
class Keys:
    """What the password becomes; as good as the password itself."""

    client: bytes = field(repr=False)
    server: bytes = field(repr=False)


class ScramClient:
    """One exchange with one server."""

    def __init__(self, nonce: bytes) -> None:
        self._nonce = b64encode(nonce).decode()
        self._auth_message = b""

    def first(self) -> bytes:
        """client-first-message. The user name is empty: PostgreSQL takes the startup message's."""
        return f"{_GS2_HEADER}n=,r={self._nonce}".encode()

    def challenge(self, data: bytes) -> Challenge:
        """Read server-first-message: exactly r=, s=, i= in this order."""
        try:
            message = data.decode("ascii")
            nonce, salt, iterations = _attributes(message, "r", "s", "i")
            challenge = Challenge(message, nonce, b64decode(salt, validate=True), int(iterations))
        except (UnicodeDecodeError, Base64Error, ValueError):
            raise ScramError("its first SCRAM message is malformed") from None
        self._check(challenge)
        return challenge

    def _check(self, challenge: Challenge) -> None:
        if not challenge.nonce.startswith(self._nonce) or challenge.nonce == self._nonce:
            raise ScramError("its SCRAM nonce does not extend ours")
        if len(challenge.nonce) > _MAX_NONCE or not 0 < len(challenge.salt) <= _MAX_SALT:
            raise ScramError("its SCRAM nonce or salt has no acceptable length")
        if not 0 < challenge.iterations <= MAX_ITERATIONS:
            raise ScramError(
                f"it asks for {challenge.iterations} SCRAM iterations; "
                f"1 to {MAX_ITERATIONS} are accepted"
            )

    def final(self, challenge: Challenge, keys: Keys) -> bytes:
        """client-final-message, with the proof that we know the password."""
        without_proof = f"c={b64encode(_GS2_HEADER.encode()).decode()},r={challenge.nonce}"
        self._auth_message = f"n=,r={self._nonce},{challenge.message},{without_proof}".encode()
        signature = _hmac(sha256(keys.client).digest(), self._auth_message)
        proof = bytes(a ^ b for a, b in zip(keys.client, signature, strict=True))
        return f"{without_proof},p={b64encode(proof).decode()}".encode()

    def verify(self, data: bytes, keys: Keys) -> None:
        """Read server-final-message: the server's own proof that it knows the password."""
        try:
            (verifier,) = _attributes(data.decode("ascii"), "v")
            signature = b64decode(verifier, validate=True)
        except (UnicodeDecodeError, Base64Error, ValueError):
            raise ScramError("its final SCRAM message is malformed") from None
        if not hmac.compare_digest(signature, _hmac(keys.server, self._auth_message)):
            raise ScramError("it could not prove that it knows the password")


def derive(password: str, challenge: Challenge) -> Keys:
    """Salt and stretch the password: about 0.8 ms at PostgreSQL's 4096 iterations."""
    salted = pbkdf2_hmac("sha256", saslprep(password), challenge.salt, challenge.iterations)
    return Keys(_hmac(salted, b"Client Key"), _hmac(salted, b"Server Key"))


def saslprep(password: str) -> bytes:
    """RFC 4013; where it does not apply the password's own bytes.

    It is PostgreSQL's reading, for its servers' stored keys were made by it: characters are judged
    before they are normalised, and a zero width space is a space.
    """
    original = password.encode("utf-8", "surrogateescape")
    if password.isascii():
        return original
    mapped = "".join(
        " " if stringprep.in_table_c12(char) else char
        for char in password
        if stringprep.in_table_c12(char) or not stringprep.in_table_b1(char)
    )
    if not mapped or any(map(_prohibited, mapped)) or _mixes_directions(mapped):
        return original
    return unicodedata.normalize("NFKC", mapped).encode()


_PROHIBITED_TABLES = (
    stringprep.in_table_a1,
    stringprep.in_table_c12,
    stringprep.in_table_c21_c22,
    stringprep.in_table_c3,
    stringprep.in_table_c4,
    stringprep.in_table_c5,
    stringprep.in_table_c6,
    stringprep.in_table_c7,
    stringprep.in_table_c8,
    stringprep.in_table_c9,
)


def _prohibited(char: str) -> bool:
    return any(table(char) for table in _PROHIBITED_TABLES)


def _mixes_directions(text: str) -> bool:
    """RFC 3454, section 6: right-to-left text must begin and end so, and hold nothing else."""
    if not any(map(stringprep.in_table_d1, text)):
        return False
    ends = stringprep.in_table_d1(text[0]) and stringprep.in_table_d1(text[-1])
    return not ends or any(map(stringprep.in_table_d2, text))


def _attributes(message: str, *names: str) -> list[str]:
    parts = message.split(",")
    if [part[:2] for part in parts] != [f"{name}=" for name in names]:
        raise ValueError(names)
    return [part[2:] for part in parts]


def _hmac(key: bytes, data: bytes) -> bytes:
    return hmac.digest(key, data, "sha256")

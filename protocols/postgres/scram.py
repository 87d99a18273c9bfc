"""SCRAM-SHA-256 and -PLUS as a client (RFC 5802, RFC 7677), step by step and without I/O.

The exchange: `first()`, then `challenge()` on the server's first message, `derive()` (slow, so that
the caller decides where it runs), `final()`, and `verify()` on the server's final message.
"""

import hmac
from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from dataclasses import dataclass, field
from hashlib import pbkdf2_hmac, sha256

from protocols.postgres.saslprep import saslprep

MECHANISM = "SCRAM-SHA-256"
MECHANISM_PLUS = "SCRAM-SHA-256-PLUS"
_MAX_NONCE = 1_024
_MAX_SALT = 1_024


class ScramError(Exception):
    """The server broke the exchange, or could not prove that it knows the password."""


@dataclass(frozen=True, slots=True)
class Binding:
    """A mechanism, and what it says of the channel: the GS2 header, and what the login is bound
    to."""

    mechanism: str = MECHANISM
    header: str = "n,,"
    data: bytes = b""


@dataclass(frozen=True, slots=True)
class Challenge:
    """The server's first message: its nonce (ours extended), the salt and the iteration count."""

    message: str
    nonce: str
    salt: bytes
    iterations: int


@dataclass(frozen=True, slots=True)
class Keys:
    """What the password becomes by a salt and iterations; as good as the password itself."""

    client: bytes = field(repr=False)
    server: bytes = field(repr=False)
    salt: bytes = field(repr=False)
    iterations: int = field(repr=False)

    def answer(self, challenge: Challenge) -> bool:
        """Whether they are what this challenge is about."""
        return (self.salt, self.iterations) == (challenge.salt, challenge.iterations)


class ScramClient:
    """One exchange with one server, which may ask for so many iterations and no more: it could
    ask for hours of work."""

    def __init__(self, nonce: bytes, binding: Binding, max_iterations: int) -> None:
        self._nonce = b64encode(nonce).decode()
        self._binding = binding
        self._max_iterations = max_iterations
        self._auth_message = b""

    def first(self) -> bytes:
        """client-first-message. The user name is empty: PostgreSQL takes the startup message's."""
        return f"{self._binding.header}n=,r={self._nonce}".encode()

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
        if not 0 < challenge.iterations <= self._max_iterations:
            raise ScramError(
                f"it asks for {challenge.iterations} SCRAM iterations; "
                f"1 to {self._max_iterations} are accepted (max_scram_iterations)"
            )

    def final(self, challenge: Challenge, keys: Keys) -> bytes:
        """client-final-message, with the proof that we know the password."""
        channel = b64encode(self._binding.header.encode() + self._binding.data).decode()
        without_proof = f"c={channel},r={challenge.nonce}"
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
    salt, iterations = challenge.salt, challenge.iterations
    salted = pbkdf2_hmac("sha256", saslprep(password), salt, iterations)
    return Keys(_hmac(salted, b"Client Key"), _hmac(salted, b"Server Key"), salt, iterations)


def _attributes(message: str, *names: str) -> list[str]:
    parts = message.split(",")
    if [part[:2] for part in parts] != [f"{name}=" for name in names]:
        raise ValueError(names)
    return [part[2:] for part in parts]


def _hmac(key: bytes, data: bytes) -> bytes:
    return hmac.digest(key, data, "sha256")

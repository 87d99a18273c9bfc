"""How each plugin proves that one knows a password, without sending it.

Source: the plugins' own pages in MySQL's documentation and MariaDB's, and MariaDB's source for
parsec, which has none.
"""

from hashlib import pbkdf2_hmac, sha1, sha256

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.padding import MGF1, OAEP
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key

_OAEP = OAEP(MGF1(hashes.SHA1()), hashes.SHA1(), None)  # noqa: S303 - the protocol's own choice
_OAEP_OVERHEAD = 42
_PARSEC_ALGORITHM = b"P"
_PARSEC_SALT = 18
_PARSEC_FEWEST_ROUNDS = 1024
_PARSEC_MOST_DOUBLINGS = 3  # that MariaDB's own client accepts


def native(password: bytes, scramble: bytes) -> bytes:
    """mysql_native_password's answer."""
    if not password:
        return b""
    once = sha1(password, usedforsecurity=False).digest()
    twice = sha1(once, usedforsecurity=False).digest()
    return _xor(once, sha1(scramble + twice, usedforsecurity=False).digest())


def caching_sha2(password: bytes, scramble: bytes) -> bytes:
    """caching_sha2_password's first answer: enough where the server remembers the account."""
    if not password:
        return b"\0"
    once = sha256(password).digest()
    twice = sha256(once).digest()
    return _xor(once, sha256(twice + scramble).digest())


def public_key(pem: str) -> RSAPublicKey:
    """Raises ValueError where it is none."""
    try:
        key = load_pem_public_key(pem.encode())
    except (ValueError, UnsupportedAlgorithm):
        key = None
    if isinstance(key, RSAPublicKey):
        return key
    raise ValueError("is not an RSA public key in PEM")


def encrypted(password: bytes, scramble: bytes, key: RSAPublicKey) -> bytes:
    """The password for nobody but the key's owner, and for this login only. Raises ValueError where
    it is too long for the key."""
    plain = password + b"\0"
    if len(plain) + _OAEP_OVERHEAD > key.key_size // 8:
        raise ValueError("the password is too long for the server's RSA key")
    pad = (scramble * (len(plain) // len(scramble) + 1))[: len(plain)]
    return key.encrypt(_xor(plain, pad), _OAEP)


def parsec_salt(data: bytes) -> tuple[int, bytes]:
    """How many rounds, and the salt for them. Raises ValueError where it is not the format."""
    if len(data) != 2 + _PARSEC_SALT or data[:1] != _PARSEC_ALGORITHM:
        raise ValueError("its salt is not parsec's")
    if data[1] > _PARSEC_MOST_DOUBLINGS:
        raise ValueError("it asks for more work than a login may be")
    return _PARSEC_FEWEST_ROUNDS << data[1], data[2:]


def parsec(password: bytes, rounds: int, salt: bytes, message: bytes) -> bytes:
    """parsec's answer but for the client's own scramble, which is a part of the message."""
    seed = pbkdf2_hmac("sha512", password, salt, rounds, 32)
    return Ed25519PrivateKey.from_private_bytes(seed).sign(message)


def _xor(one: bytes, other: bytes) -> bytes:
    return bytes(a ^ b for a, b in zip(one, other, strict=True))

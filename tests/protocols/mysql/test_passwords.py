"""What each plugin makes of a password, against the documentation's formulas and RFC 8032."""

import hashlib

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from protocols.mysql import ed25519, passwords
from tests.protocols.mysql.server import SCRAMBLE, native_answer, sha2_answer

_KEY = rsa.generate_private_key(65_537, 2048)
_OAEP = padding.OAEP(padding.MGF1(hashes.SHA1()), hashes.SHA1(), None)


def _pem(key: rsa.RSAPublicKey | ec.EllipticCurvePublicKey) -> str:
    return key.public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    ).decode()


def test_an_answer_proves_the_password_and_does_not_tell_it() -> None:
    assert passwords.native(b"secret", SCRAMBLE) == native_answer(SCRAMBLE, b"secret")
    assert passwords.caching_sha2(b"secret", SCRAMBLE) == sha2_answer(SCRAMBLE, b"secret")
    assert len(passwords.native(b"secret", SCRAMBLE)) == 20
    assert len(passwords.caching_sha2(b"secret", SCRAMBLE)) == 32


def test_no_password_is_no_answer() -> None:
    assert passwords.native(b"", SCRAMBLE) == b""
    assert passwords.caching_sha2(b"", SCRAMBLE) == b"\0"


@pytest.mark.parametrize("size", [1, 19, 20, 21, 100, 213])
def test_only_the_keys_owner_reads_an_encrypted_password(size: int) -> None:
    password = bytes(range(1, 214))[:size]
    key = passwords.public_key(_pem(_KEY.public_key()))
    plain = _KEY.decrypt(passwords.encrypted(password, SCRAMBLE, key), _OAEP)
    unmasked = bytes(byte ^ SCRAMBLE[i % 20] for i, byte in enumerate(plain))
    assert unmasked == password + b"\0"


def test_a_password_must_fit_the_key() -> None:
    key = passwords.public_key(_pem(_KEY.public_key()))
    with pytest.raises(ValueError, match="too long for the server's RSA key"):
        passwords.encrypted(b"x" * 214, SCRAMBLE, key)


@pytest.mark.parametrize(
    "pem", ["", "no key", _pem(ec.generate_private_key(ec.SECP256R1()).public_key())]
)
def test_what_is_no_rsa_key_is_refused(pem: str) -> None:
    with pytest.raises(ValueError, match="is not an RSA public key in PEM"):
        passwords.public_key(pem)


@pytest.mark.parametrize(("doublings", "rounds"), [(0, 1024), (3, 8192)])
def test_parsec_signs_with_a_key_that_is_made_of_the_password(doublings: int, rounds: int) -> None:
    salt = b"eighteen bytes now"
    assert passwords.parsec_salt(b"P" + bytes((doublings,)) + salt) == (rounds, salt)
    proof = passwords.parsec(b"secret", rounds, salt, b"both scrambles")
    seed = hashlib.pbkdf2_hmac("sha512", b"secret", salt, rounds, 32)
    public = Ed25519PrivateKey.from_private_bytes(seed).public_key()
    public.verify(proof, b"both scrambles")


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "is not parsec's"),
        (b"P\0seventeen bytes..", "is not parsec's"),
        (b"Q\0eighteen bytes now", "is not parsec's"),
        (b"P\4eighteen bytes now", "more work"),
    ],
)
def test_a_salt_is_parsecs_and_asks_for_little(data: bytes, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        passwords.parsec_salt(data)


@given(st.binary(min_size=32, max_size=32), st.binary(max_size=100))
def test_a_password_of_32_bytes_signs_as_in_rfc_8032(password: bytes, message: bytes) -> None:
    signed = Ed25519PrivateKey.from_private_bytes(password).sign(message)
    assert ed25519.sign(password, message) == signed


def test_a_password_may_have_any_length() -> None:
    assert len({ed25519.sign(b"x" * size, b"scramble") for size in (0, 1, 31, 33, 200)}) == 5

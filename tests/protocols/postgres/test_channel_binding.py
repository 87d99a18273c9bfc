"""What a login is bound to: the hash of the server's certificate, by RFC 5929."""

from hashlib import sha256, sha384, sha512
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, padding, rsa

from protocols.postgres.channel_binding import tls_server_end_point
from tests.protocols.postgres.certificates import certificate

_RSA = rsa.generate_private_key(65537, 2048)
_EC = ec.generate_private_key(ec.SECP256R1())
_SHA256 = hashes.SHA256()
# A version that no certificate has is nothing that TLS itself would mind.
_VERSION_3, _VERSION_7 = bytes.fromhex("a003020102"), bytes.fromhex("a003020106")


def _pss(algorithm: hashes.HashAlgorithm) -> bytes:
    pss = padding.PSS(padding.MGF1(algorithm), padding.PSS.DIGEST_LENGTH)
    return certificate(_RSA, algorithm, rsa_padding=pss)


@pytest.mark.parametrize(
    ("der", "expected"),
    [
        (certificate(_EC, _SHA256), sha256),
        (certificate(_EC, hashes.SHA384()), sha384),
        (certificate(_RSA, _SHA256), sha256),
        (certificate(_RSA, hashes.SHA512()), sha512),
        (_pss(_SHA256), sha256),
        (_pss(hashes.SHA384()), sha384),
        (certificate(ed25519.Ed25519PrivateKey.generate(), None), None),
        (certificate(ed448.Ed448PrivateKey.generate(), None), None),
        (certificate(_EC, _SHA256).replace(_VERSION_3, _VERSION_7, 1), None),
        (b"no certificate", None),
        (b"", None),
    ],
)
def test_the_hash_is_that_of_the_certificates_own_signature(der: bytes, expected: Any) -> None:
    assert tls_server_end_point(der) == (expected(der).digest() if expected else None)


# The signature's algorithm as DER, and another one of the same length: whose signature it is does
# not matter here.
_SHA256_WITH_RSA = bytes.fromhex("06092a864886f70d01010b")
_SHA1_WITH_RSA = bytes.fromhex("06092a864886f70d010105")
_MD5_WITH_RSA = bytes.fromhex("06092a864886f70d010104")
_UNKNOWN_WITH_RSA = bytes.fromhex("06092a864886f70d01017f")


@pytest.mark.parametrize(
    ("algorithm", "known"),
    [(_SHA1_WITH_RSA, True), (_MD5_WITH_RSA, True), (_UNKNOWN_WITH_RSA, False)],
)
def test_a_weak_hash_becomes_sha_256(algorithm: bytes, known: bool) -> None:
    der = certificate(_RSA, _SHA256).replace(_SHA256_WITH_RSA, algorithm)
    assert der.count(algorithm) == 2
    assert tls_server_end_point(der) == (sha256(der).digest() if known else None)

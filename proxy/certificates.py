"""Certificates and private keys as OpenSSL wants them. No key lies anywhere in the clear: Python's
ssl reads a key from a file only, so it is encrypted under a password of that one call.
"""

import os
import re
import secrets
import ssl
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import NameOID

NO_CERTIFICATE = "SSLCERT is neither a certificate nor the path of one"
NO_KEY = "SSLKEY is neither a private key nor the path of one"

Identity = tuple[str, PrivateKeyTypes]  # a chain of certificates, and the first one's private key

_LIFETIME = timedelta(days=3650)  # of a certificate that nobody outside this machine is shown
_PEM = re.compile("-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", re.DOTALL)


def certificates(text: str) -> str:
    """The certificates alone: what stands between them may be in any language. Raises ValueError
    where there is none."""
    found = _PEM.findall(text)
    if not found:
        raise ValueError("no certificate")
    return "\n".join(found) + "\n"


def identity(certificate: str, key: str) -> Identity:
    """Of PEM texts. Raises ValueError where they are none, or no pair."""
    try:
        chain = certificates(certificate)
        public = x509.load_pem_x509_certificate(chain.encode()).public_key()
    except (ValueError, UnsupportedAlgorithm):
        raise ValueError(NO_CERTIFICATE) from None
    private = _private_key(key)
    if private.public_key() != public:
        raise ValueError("SSLKEY is not the private key of SSLCERT's certificate")
    return chain, private


def _private_key(text: str) -> PrivateKeyTypes:
    try:
        return load_pem_private_key(text.encode(), None)
    except TypeError:
        raise ValueError("SSLKEY is encrypted; give the key without a passphrase") from None
    except (ValueError, UnsupportedAlgorithm):
        raise ValueError(NO_KEY) from None


def present(context: ssl.SSLContext, chain: str, key: PrivateKeyTypes) -> None:
    """Have the context prove itself with this chain of certificates, its own first. Raises
    ssl.SSLError."""
    password = secrets.token_bytes(32)
    encrypted = key.private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(password)
    )
    with _written(encrypted + chain.encode()) as path:
        context.load_cert_chain(path, password=password)


def self_signed() -> Identity:
    """A certificate for this machine's own names, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "keyless")])
    now = datetime.now(UTC)
    names = [x509.DNSName("localhost"), *map(x509.IPAddress, map(ip_address, ("127.0.0.1", "::1")))]
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + _LIFETIME)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .sign(key, hashes.SHA256())
    )
    return certificate.public_bytes(Encoding.PEM).decode(), key


@contextmanager
def _written(pem: bytes) -> Iterator[str]:
    """A path for what can only be read from a file: in memory where there is memfd, for a
    container's file system may be read-only."""
    if hasattr(os, "memfd_create"):
        file = os.memfd_create("keyless-certificate", os.MFD_CLOEXEC)
        try:
            os.write(file, pem)
            yield f"/proc/self/fd/{file}"
        finally:
            os.close(file)
        return
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "certificate.pem")
        path.write_bytes(pem)
        yield str(path)

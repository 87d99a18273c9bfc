"""TLS on both legs: the certificate shown to clients, and what upstream's must prove."""

import os
import re
import secrets
import ssl
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache, lru_cache
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
)
from cryptography.x509.oid import NameOID

from protocols.api import TlsMode, TlsPolicy

_LIFETIME = timedelta(days=3650)  # of a certificate that nobody outside this machine is shown
_ALPN = ["postgresql"]
_NO_ROOT = "SSLROOTCERT is neither a certificate nor the path of one"
_PEM = re.compile("-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", re.DOTALL)


@cache
def server_context() -> ssl.SSLContext:
    """TLS towards clients, with a certificate made now: clients that insist on TLS get it, and
    nobody is asked to trust it."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(_ALPN)
    password = secrets.token_bytes(32)
    with _written(_self_signed(password)) as path:
        context.load_cert_chain(path, password=password)
    return context


def client_context(policy: TlsPolicy) -> ssl.SSLContext:
    """TLS towards upstream. A certificate in a file is read anew. Raises ValueError where it is
    none."""
    root = policy.root_certificate
    if root is not None and root != "system" and "-----BEGIN" not in root:
        try:
            root = Path(root).read_text(encoding="utf-8", errors="replace")
        except OSError as error:
            raise ValueError(f"{_NO_ROOT}: {error.strerror}") from None
    return _client_context(replace(policy, root_certificate=root))


@lru_cache(maxsize=256)
def _client_context(policy: TlsPolicy) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.check_hostname = policy.mode is TlsMode.VERIFY_FULL
    # As in libpq, `require` with an authority's certificate at hand verifies against it.
    verifies = policy.mode.verifies or (
        policy.mode is TlsMode.REQUIRE and policy.root_certificate is not None
    )
    context.verify_mode = ssl.CERT_REQUIRED if verifies else ssl.CERT_NONE
    if verifies:
        _trust(context, policy.root_certificate)
    return context


def _trust(context: ssl.SSLContext, root: str | None) -> None:
    if root is None or root == "system":
        context.load_default_certs()
        return
    try:
        context.load_verify_locations(cadata=_certificates(root))
    except (OSError, ValueError):  # ssl.SSLError is an OSError
        raise ValueError(_NO_ROOT) from None


def _certificates(text: str) -> str:
    """The certificates alone: what stands between them may be in any language."""
    found = _PEM.findall(text)
    if not found:
        raise ValueError("no certificate")
    return "\n".join(found)


def _self_signed(password: bytes) -> bytes:
    """A key and a certificate for this machine's own names, the key encrypted, as PEM."""
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
    encrypted = key.private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(password)
    )
    return encrypted + certificate.public_bytes(Encoding.PEM)


@contextmanager
def _written(pem: bytes) -> Iterator[str]:
    """A path for what Python's ssl can only read from a file: in memory where there is memfd, for
    a container's file system may be read-only."""
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

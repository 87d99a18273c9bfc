"""A certificate authority for the tests, as strict as the public ones, living for one run."""

import os
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

SigningKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey

_SHA256 = hashes.SHA256()
_USE = partial(
    x509.KeyUsage,
    content_commitment=False,
    key_encipherment=False,
    data_encipherment=False,
    key_agreement=False,
    encipher_only=False,
    decipher_only=False,
)
_CA_USE = _USE(digital_signature=False, key_cert_sign=True, crl_sign=True)
_END_USE = _USE(digital_signature=True, key_cert_sign=False, crl_sign=False)
_END_PURPOSES = [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]


@dataclass(frozen=True, slots=True)
class Issued:
    """A certificate and its private key, both as PEM."""

    certificate: str
    key: str = field(repr=False)

    def save(self, directory: Path, name: str) -> tuple[Path, Path]:
        """Write NAME.crt and NAME.key, for those who want paths; only their owner may read them."""
        paths = directory / f"{name}.crt", directory / f"{name}.key"
        for path, pem in zip(paths, (self.certificate, self.key), strict=True):
            with open(path, "x", opener=lambda file, flags: os.open(file, flags, 0o600)) as file:
                file.write(pem)
        return paths


class Authority:
    """Issues certificates, and keeps its own where clients find it (`path`, or `pem` as text). It
    signs with `key`, by `algorithm` and further `signature` options."""

    def __init__(
        self,
        directory: Path,
        key: SigningKey | None = None,
        algorithm: hashes.HashAlgorithm | None = _SHA256,
        **signature: Any,
    ) -> None:
        self._key: Any = key or ec.generate_private_key(ec.SECP256R1())
        self._signature = {"algorithm": algorithm, **signature}
        self._name = _name("Keyless tests' authority")
        certificate = (
            self._begin(self._name, self._key.public_key())
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(_CA_USE, critical=True)
            .sign(self._key, **self._signature)
        )
        self.pem = _pem(certificate)
        self.path = directory / "authority.crt"
        self.path.write_text(self.pem)

    def issue(self, subject: str, *names: str, expired: bool = False) -> Issued:
        """A certificate for a server known by `names` (hosts, addresses), or for a client."""
        key = ec.generate_private_key(ec.SECP256R1())
        ago = timedelta(days=2 if expired else 0)
        builder = self._begin(_name(subject), key.public_key(), ago)
        builder = builder.add_extension(_END_USE, critical=True)
        builder = builder.add_extension(x509.ExtendedKeyUsage(_END_PURPOSES), critical=False)
        if names:
            alternatives = x509.SubjectAlternativeName([_general_name(name) for name in names])
            builder = builder.add_extension(alternatives, critical=False)
        return Issued(_pem(builder.sign(self._key, **self._signature)), _key_pem(key))

    def _begin(
        self, name: x509.Name, key: CertificatePublicKeyTypes, ago: timedelta = timedelta()
    ) -> x509.CertificateBuilder:
        now = datetime.now(UTC) - ago
        own = x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key())
        return (
            x509.CertificateBuilder(issuer_name=self._name, subject_name=name, public_key=key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(minutes=5))
            .not_valid_after(now + timedelta(days=1))
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
            .add_extension(own, critical=False)
        )


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(serialization.Encoding.PEM).decode()


def _key_pem(key: ec.EllipticCurvePrivateKey) -> str:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ).decode()

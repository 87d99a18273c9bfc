"""The role's own certificate and key: taken as text or from a file, and never left in the clear."""

import os
import ssl
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa, x25519
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)

from protocols.api import TlsMode, TlsPolicy
from proxy.certificates import identity, present
from proxy.memory import Memory
from proxy.tls import client_context
from tests.protocols.postgres.certificates import certificate
from tests.secrecy import CANARY
from tests.servers.authority import Authority, Issued

_EC = ec.generate_private_key(ec.SECP256R1())
_RSA = rsa.generate_private_key(65537, 2048)


@pytest.fixture
def issued(authority: Authority) -> Issued:
    return authority.issue("the client")


def _policy(issued: Issued, **changed: Any) -> TlsPolicy:
    return replace(TlsPolicy(TlsMode.REQUIRE, None, issued.certificate, issued.key), **changed)


def _pem(key: Any, password: str = "", form: PrivateFormat = PrivateFormat.PKCS8) -> str:
    encryption = BestAvailableEncryption(password.encode()) if password else NoEncryption()
    pem: bytes = key.private_bytes(Encoding.PEM, form, encryption)
    return pem.decode()


async def test_a_pair_may_be_text_or_the_paths_of_files(issued: Issued, tmp_path: Path) -> None:
    certificate, key = map(str, issued.save(tmp_path, "client"))
    texts = {"certificate": issued.certificate, "key": issued.key}
    for paths in ({}, {"certificate": certificate}, {"key": key}):
        client_context(_policy(issued, **texts | paths), Memory())
    client_context(_policy(issued, certificate=certificate, key=key), Memory())


@pytest.mark.parametrize(
    ("variable", "value", "sentence"),
    [
        ("certificate", "/none", "SSLCERT is neither a certificate nor the path of one: No such"),
        ("certificate", "", "SSLCERT is neither a certificate nor the path of one: Is a directory"),
        ("certificate", "/dev/null", "SSLCERT is neither a certificate nor the path of one"),
        ("certificate", _pem(_EC), "SSLCERT is neither a certificate nor the path of one"),
        ("key", "/none", "SSLKEY is neither a private key nor the path of one: No such"),
        ("key", "/dev/null", "SSLKEY is neither a private key nor the path of one"),
        ("key", "-----BEGIN PRIVATE KEY-----\nx", "SSLKEY is neither a private key nor"),
        ("key", "-----BEGIN \udcff", "SSLKEY is neither a private key nor the path of one"),
        ("key", _pem(_EC, CANARY), "SSLKEY is encrypted; give the key without a passphrase"),
        (
            "key",
            _pem(_RSA, CANARY, PrivateFormat.TraditionalOpenSSL),
            "SSLKEY is encrypted; give the key without a passphrase",
        ),
        ("key", _pem(_EC), "SSLKEY is not the private key of SSLCERT's certificate"),
        ("key", _pem(_RSA), "SSLKEY is not the private key of SSLCERT's certificate"),
        (
            "key",
            _pem(x25519.X25519PrivateKey.generate()),
            "SSLKEY is not the private key of SSLCERT's certificate",
        ),
        (
            "certificate",
            "-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----",
            "SSLCERT is neither a certificate nor the path of one",
        ),
    ],
    ids=range(14),
)
async def test_a_pair_that_is_none(
    issued: Issued, variable: str, value: str, sentence: str
) -> None:
    with pytest.raises(ValueError) as raised:  # noqa: PT011 - its sentence is looked at below
        client_context(_policy(issued, **{variable: value}), Memory())
    assert str(raised.value).startswith(sentence)
    assert raised.value.__cause__ is None
    assert "PRIVATE KEY" not in str(raised.value)


_EC_PARAMETERS = "-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n"


@pytest.mark.parametrize(
    "key", [_EC, _RSA, ed25519.Ed25519PrivateKey.generate()], ids=["ec", "rsa", "ed25519"]
)
def test_a_key_may_be_of_any_kind(key: Any) -> None:
    der = certificate(key, None if isinstance(key, ed25519.Ed25519PrivateKey) else hashes.SHA256())
    chain = ssl.DER_cert_to_PEM_cert(der)
    forms = [_pem(key), chain + _pem(key)]
    if key is _EC:
        forms.append(_EC_PARAMETERS + _pem(key, form=PrivateFormat.TraditionalOpenSSL))
    for text in forms:
        _, private = identity(chain, text)
        assert private.public_key() == key.public_key()


async def test_a_pair_that_openssl_will_not_have() -> None:
    weak = rsa.generate_private_key(65537, 1024)
    chain = ssl.DER_cert_to_PEM_cert(certificate(weak, hashes.SHA256()))
    with pytest.raises(ValueError, match="SSLCERT cannot be used with SSLKEY: EE_KEY_TOO_SMALL"):
        client_context(TlsPolicy(TlsMode.REQUIRE, None, chain, _pem(weak)), Memory())


async def test_a_context_is_made_again_for_another_key_only(
    authority: Authority, issued: Issued
) -> None:
    memory = Memory()
    context = client_context(_policy(issued), memory)
    assert client_context(_policy(issued), memory) is context
    other = authority.issue("the client")
    assert client_context(_policy(other), memory) is not context
    with pytest.raises(ValueError, match="not the private key of"):
        client_context(_policy(issued, key=other.key), memory)
    assert client_context(_policy(issued), Memory()) is not context


async def test_a_key_that_was_replaced_is_read_anew(authority: Authority, tmp_path: Path) -> None:
    memory = Memory()
    policies = []
    for number in range(2):
        folder = tmp_path / str(number)
        folder.mkdir()
        for path in authority.issue("the client").save(folder, "client"):
            (tmp_path / path.name).write_bytes(path.read_bytes())
        pair = map(str, (tmp_path / "client.crt", tmp_path / "client.key"))
        policies.append(client_context(TlsPolicy(TlsMode.REQUIRE, None, *pair), memory))
    assert policies[0] is not policies[1]


@pytest.mark.parametrize("memfd", [True, False])
def test_no_key_is_written_in_the_clear(
    issued: Issued, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, memfd: bool
) -> None:
    written = []

    class Looking:
        """Stands where the context does, to see what it is given to read."""

        def load_cert_chain(self, path: str, password: bytes) -> None:
            written.append(Path(path).read_text())
            ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_cert_chain(path, password=password)

    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    if not memfd:
        monkeypatch.delattr(os, "memfd_create")
    looking: Any = Looking()
    present(looking, *identity(issued.certificate, issued.key))
    (pem,) = written
    assert "BEGIN ENCRYPTED PRIVATE KEY" in pem
    assert not any(line in pem for line in issued.key.splitlines()[1:-1])
    assert list(tmp_path.iterdir()) == []

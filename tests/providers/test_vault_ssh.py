"""Certificates made for one session, by OpenBao's SSH engine."""

from collections.abc import Iterator
from contextlib import closing

import pytest
from cryptography.hazmat.primitives.serialization import (
    SSHCertificate,
    load_ssh_private_key,
    load_ssh_public_identity,
    load_ssh_public_key,
)

from providers.api import Stage
from providers.errors import AccessDenied, ProviderMisconfigured, SecretNotFound, SecretUnreadable
from providers.vault_ssh import VaultSsh
from proxy.demo.openbao import OpenBao
from tests.providers.reading import PATIENCE
from tests.providers.vaults import as_root, with_policy


@pytest.fixture(scope="module")
def authority(openbao: OpenBao) -> Iterator[str]:
    """The engine at ssh/: the public key that signs for its roles `web` and `named`."""
    vault = openbao.client
    vault.sys.enable_secrets_engine("ssh")
    made = vault.write_data("ssh/config/ca", data={"generate_signing_key": True})
    usual = {"key_type": "ca", "allow_user_certificates": True, "allowed_users": "*", "ttl": "5m"}
    vault.write_data("ssh/roles/web", data={**usual, "default_user": "deploy"})
    vault.write_data("ssh/roles/named", data=usual)
    yield made["data"]["public_key"]
    vault.sys.disable_secrets_engine("ssh")


@pytest.fixture
def provider(openbao: OpenBao, authority: str) -> Iterator[VaultSsh]:
    with closing(VaultSsh(as_root(openbao))) as provider:
        yield provider


@pytest.mark.parametrize(
    ("secret", "principals"),
    [
        ("ssh/sign/web", ["deploy"]),
        ("/ssh/sign/web/", ["deploy"]),
        ("ssh/sign/named?valid_principals=joe,ann", ["ann", "joe"]),
    ],
)
def test_each_reader_gets_a_key_and_a_certificate_of_its_own(
    provider: VaultSsh, authority: str, secret: str, principals: list[str]
) -> None:
    assert provider.makes_secrets
    versions = [provider.fetch(secret, PATIENCE) for _ in range(2)]
    keys = set()
    for version in versions:
        key = load_ssh_private_key(version.value("private_key").reveal().encode(), None)
        certificate = load_ssh_public_identity(version.value("certificate").reveal().encode())
        assert isinstance(certificate, SSHCertificate)
        assert certificate.signature_key() == load_ssh_public_key(authority.encode())
        assert certificate.public_key() == key.public_key()
        assert sorted(certificate.valid_principals) == [name.encode() for name in principals]
        certificate.verify_cert_signature()
        assert version.lease is None
        keys.add(version.value("private_key").reveal())
    assert len(keys) == len({version.version for version in versions} - {""}) == 2


@pytest.mark.parametrize(
    ("text", "split"),
    [
        ("ssh/sign/web:certificate", ("ssh/sign/web", "certificate")),
        ("ssh/sign/web?valid_principals=a:key", ("ssh/sign/web?valid_principals=a", "key")),
    ],
)
def test_references(text: str, split: tuple[str, str]) -> None:
    assert VaultSsh.split(text) == split


@pytest.mark.parametrize("text", ["web:key", "ssh/sign/web?ttl=1h:key", "/:key", "ssh/sign/web"])
def test_what_names_no_path_that_signs(text: str) -> None:
    with pytest.raises(ValueError, match=r"names no (path that signs|key); write"):
        VaultSsh.split(text)


def test_a_role_that_is_not_there(provider: VaultSsh) -> None:
    with pytest.raises(
        ProviderMisconfigured, match=r"gave no secret for ssh/sign/gone .*Unknown role"
    ):
        provider.fetch("ssh/sign/gone", PATIENCE)


def test_a_path_that_signs_nothing(provider: VaultSsh) -> None:
    with pytest.raises(SecretUnreadable, match="sys/tools/hash signs no SSH keys"):
        provider.fetch("sys/tools/hash", PATIENCE)


def test_who_may_only_read_may_not_sign(openbao: OpenBao, authority: str) -> None:
    environment = with_policy(openbao, 'path "ssh/sign/web" { capabilities = ["read"] }')
    with (
        closing(VaultSsh(environment)) as provider,
        pytest.raises(AccessDenied, match=r"does not let us sign by ssh/sign/web .*update this"),
    ):
        provider.fetch("ssh/sign/web", PATIENCE)


def test_there_is_no_certificate_before_this_one(provider: VaultSsh) -> None:
    with pytest.raises(SecretNotFound, match="keeps no previous version"):
        provider.fetch("ssh/sign/web", PATIENCE, Stage.PREVIOUS)

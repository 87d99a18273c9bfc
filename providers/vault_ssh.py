"""SSH certificates that Vault signs for one session: `_vaultssh:MOUNT/sign/ROLE:private_key` and
`:certificate`.

Every read makes a key of its own, which exists nowhere else, and has Vault's SSH engine sign it for
as long as its role says. `MOUNT/sign/ROLE?valid_principals=NAME,...` asks for these accounts, where
the engine's role has no default of its own. The policy: `path "MOUNT/sign/ROLE" { capabilities =
["update"] }`. A certificate that has ended keeps nobody out who is in: nothing is to be renewed.
"""

import re
from typing import TYPE_CHECKING, ClassVar

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from providers.api import SecretVersion, Stage
from providers.deadline import Deadline
from providers.errors import AccessDenied, SecretUnreadable
from providers.json_secret import JsonKeys
from providers.reference import split_at_last_colon
from providers.vault_answers import VaultAnswer, data_of
from providers.vault_provider import VaultProvider

if TYPE_CHECKING:
    from providers.vault_connection import VaultConnection

_FORM = re.compile(r"(/?[^/?]+/[^?]+)(?:\?valid_principals=([^?&]+))?")


class VaultSsh(VaultProvider):
    """A secret is a path that signs; its version is the certificate's serial number."""

    name: ClassVar[str] = "vaultssh"
    makes_secrets: ClassVar[bool] = True

    @classmethod
    def split(cls, text: str) -> tuple[str, str | None]:
        secret, key = split_at_last_colon(text)
        if _FORM.fullmatch(secret) is None:
            raise ValueError(
                "names no path that signs; write _vaultssh:MOUNT/sign/ROLE:KEY, or "
                "_vaultssh:MOUNT/sign/ROLE?valid_principals=NAME:KEY"
            )
        return secret, key

    def _read(
        self, vault: "VaultConnection", secret: str, stage: Stage, deadline: Deadline
    ) -> SecretVersion:
        match = _FORM.fullmatch(secret)
        assert match is not None, "split() lets nothing else through"
        path, principals = match[1].strip("/"), match[2]
        key = Ed25519PrivateKey.generate()
        order = {"cert_type": "user", "public_key": _public_line(key)}
        if principals:
            order["valid_principals"] = principals
        answer = vault.ask("post", path, deadline, json=order)
        return _signed(answer, key)


def _signed(answer: VaultAnswer, key: Ed25519PrivateKey) -> SecretVersion:
    if answer.status == 403:
        raise AccessDenied(
            f"Vault at {answer.address} does not let us sign by {answer.path} (status 403: "
            f"{answer.words}); let our policy update this path"
        )
    data = data_of(answer)
    certificate = data.get("signed_key")
    if not isinstance(certificate, str):
        raise SecretUnreadable(f"Vault's {answer.path} signs no SSH keys; check the path")
    fields = {"private_key": _private_text(key), "certificate": certificate}
    return SecretVersion(JsonKeys(fields), version=str(data.get("serial_number", "")))


def _public_line(key: Ed25519PrivateKey) -> str:
    return key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()


def _private_text(key: Ed25519PrivateKey) -> str:
    return key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()).decode()

"""A login's key material, read and decrypted: what upstream is shown, and what it must show.

Decrypting a private key takes as long as whoever encrypted it wanted, so it is computed aside.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from asyncssh import (
    KeyEncryptionError,
    KeyImportError,
    SSHCertificate,
    SSHKey,
    SSHKeyPair,
    import_certificate,
    import_private_key,
    load_keypairs,
)

from protocols.errors import misconfigured
from protocols.ssh.host_keys import HostKeys, host_keys
from protocols.ssh.login import SshLogin


@dataclass(frozen=True, slots=True)
class Credentials:
    """`keys` are in the order in which they are tried: with the certificate, then without."""

    user: str = field(repr=False)
    password: str | None = field(repr=False)
    keys: Sequence[SSHKeyPair] = field(repr=False)
    host_keys: HostKeys = field(repr=False)


def prepare(login: SshLogin) -> Credentials:
    """Raises Refusal, whose detail names the variable that is wrong."""
    try:
        return Credentials(
            user=login.user,
            password=login.password,
            keys=_keys(login),
            host_keys=host_keys(
                login.known_hosts, trust_on_first_use=login.options.trust_on_first_use
            ),
        )
    except ValueError as error:
        raise misconfigured(login.role, error) from None


def _keys(login: SshLogin) -> Sequence[SSHKeyPair]:
    if login.private_key is None:
        return ()
    key = _private_key(_text("PRIVATE_KEY", login.private_key, "-----BEGIN"), login.passphrase)
    if login.certificate is None:
        return tuple(load_keypairs([key]))
    text = _text("CERTIFICATE", login.certificate, "-cert-v01@")
    try:
        certificate: SSHCertificate = import_certificate(text)
        return tuple(load_keypairs([(key, certificate)]))
    except (KeyImportError, ValueError):
        raise ValueError(
            "CERTIFICATE is not an OpenSSH certificate of the PRIVATE_KEY; write both from one "
            "secret"
        ) from None


def _private_key(text: str, passphrase: str | None) -> SSHKey:
    try:
        return import_private_key(text, passphrase)
    except KeyEncryptionError:
        raise ValueError("PASSPHRASE does not decrypt the PRIVATE_KEY; write its own") from None
    except (KeyImportError, ValueError) as error:
        if "Passphrase" in str(error):
            raise ValueError("PASSPHRASE is missing; the PRIVATE_KEY is encrypted") from None
        raise ValueError("PRIVATE_KEY is not a private key; write its PEM text or a path") from None


def _text(name: str, value: str, mark: str) -> str:
    """The value itself where it is text, else what is in the file of that path."""
    if mark in value:
        return value.replace("\\n", "\n")  # as it is where a line is all that a secret may be
    try:
        return Path(value.strip()).read_text(encoding="utf-8")
    except (OSError, ValueError):
        raise ValueError(f"{name} is neither a key's text nor a file that can be read") from None

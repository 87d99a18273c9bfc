"""Secrets in HashiCorp Vault and OpenBao: `_vaultkv1:MOUNT/PATH:KEY` and `_vaultkv2:NAME:KEY`.

What is here is what the two KV engines say: paths, versions, and what an answer means. How Vault is
reached and who we are to it is in `vault_connection`.
"""

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from providers.api import SecretVersion, Stage
from providers.deadline import Deadline
from providers.errors import SecretNotFound, SecretUnreadable
from providers.json_secret import JsonKeys
from providers.reference import split_at_last_colon
from providers.vault_answers import data_of
from providers.vault_provider import VaultProvider

if TYPE_CHECKING:
    from providers.vault_connection import VaultConnection

_WITH_VERSION = re.compile(r"([^?]+)(?:\?version=([1-9][0-9]*))?")


class VaultKv1(VaultProvider):
    """Version 1 of the engine: one value a path, the path as Vault's API has it."""

    name: ClassVar[str] = "vaultkv1"

    @classmethod
    def split(cls, text: str) -> tuple[str, str | None]:
        secret, key = split_at_last_colon(text)
        if "/" not in secret.strip("/"):
            raise ValueError("names no path in a mount; write _vaultkv1:MOUNT/PATH:KEY")
        return secret, key

    def _read(
        self, vault: "VaultConnection", secret: str, stage: Stage, deadline: Deadline
    ) -> SecretVersion:
        return SecretVersion(JsonKeys(data_of(vault.ask("get", secret.strip("/"), deadline))))


class VaultKv2(VaultProvider):
    """Version 2: versions of a secret, read at MOUNT/data/PATH."""

    name: ClassVar[str] = "vaultkv2"
    stages: ClassVar[tuple[Stage, ...]] = (Stage.PREVIOUS,)

    @classmethod
    def split(cls, text: str) -> tuple[str, str | None]:
        secret, key = split_at_last_colon(text)
        if _WITH_VERSION.fullmatch(secret) is None:
            raise ValueError("may end in ?version=N; write _vaultkv2:MOUNT/data/PATH?version=N:KEY")
        return secret, key

    def _read(
        self, vault: "VaultConnection", secret: str, stage: Stage, deadline: Deadline
    ) -> SecretVersion:
        match = _WITH_VERSION.fullmatch(secret)
        assert match is not None, "split() lets nothing else through"
        name, version = match.groups()
        if version and stage is Stage.PREVIOUS:
            raise SecretNotFound(f"{secret} is that version alone, so that none comes before it")
        path = _data_path(vault, name.strip("/"), deadline)
        if stage is Stage.PREVIOUS:
            version = _before(path, _version(vault, path, None, deadline).version)
        return _version(vault, path, version, deadline)


def _version(
    vault: "VaultConnection", path: str, number: str | None, deadline: Deadline
) -> SecretVersion:
    """The version `number`, or the latest."""
    wanted = {"version": number} if number else {}
    found = data_of(vault.ask("get", path, deadline, params=wanted))
    fields, metadata = found.get("data"), found.get("metadata")
    if not (isinstance(fields, dict) and isinstance(metadata, dict)):
        raise SecretUnreadable(f"Vault's {path} is not in a KV 2 engine; read it with _vaultkv1:")
    return SecretVersion(JsonKeys(fields), version=str(metadata.get("version", "")))


def _before(path: str, current: str) -> str:
    if not current.isdecimal() or int(current) < 2:
        raise SecretNotFound(f"Vault's {path} has no version before its version {current}")
    return str(int(current) - 1)


def _data_path(vault: "VaultConnection", name: str, deadline: Deadline) -> str:
    """Where KV 2 keeps `name`. The mount is asked for at each read, so that it may move meanwhile;
    a path with data/ in it spares the question."""
    if "/data/" in name:
        return name
    if "/" in name:
        answer = vault.ask("get", f"sys/internal/ui/mounts/{name}", deadline)
        if answer.status == 200:
            return _below_mount(data_of(answer), name)
    return f"secret/data/{name}"


def _below_mount(mount: Mapping[str, Any], name: str) -> str:
    path, options = str(mount.get("path", "")), mount.get("options") or {}
    if options.get("version") != "2":
        raise SecretUnreadable(
            f"Vault's {path} is not a KV 2 engine; read it with _vaultkv1:{name}"
        )
    return f"{path}data/{name.removeprefix(path)}"

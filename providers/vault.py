"""Secrets in HashiCorp Vault and OpenBao: `_vaultkv1:MOUNT/PATH:KEY` and `_vaultkv2:NAME:KEY`.

What is here is what the two KV engines say: paths, versions, and what an answer means. How Vault is
reached and who we are to it is in `vault_client` and `vault_login`.
"""

import re
import threading
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from providers.api import SecretVersion, Stage
from providers.deadline import Deadline, within
from providers.errors import ProviderUnavailable, SecretUnreadable
from providers.json_secret import JsonKeys
from providers.reference import split_at_last_colon
from providers.vault_answers import VaultAnswer, data_of

if TYPE_CHECKING:
    from providers.vault_client import VaultClient
    from providers.vault_login import VaultLogin

_WITH_VERSION = re.compile(r"([^?]+)(?:\?version=([1-9][0-9]*))?")
# Vault's share of the time: what kept us waiting is a better answer than that we waited.
_SHARE = 0.9


@dataclass(frozen=True, slots=True)
class Vault:
    """A Vault server and our login there."""

    client: "VaultClient"
    login: "VaultLogin"

    def get(self, path: str, deadline: Deadline, **parameters: str) -> VaultAnswer:
        """Vault's answer about `path`, asked a second time where the token alone was at fault."""
        token = self.login.token(deadline)
        answer = self.client.request("get", path, deadline, token=token, params=parameters)
        if answer.status == 403 and self.login.replaces(token, deadline):
            token = self.login.token(deadline)
            answer = self.client.request("get", path, deadline, token=token, params=parameters)
        return answer

    def close(self) -> None:
        self.login.close()
        self.client.close()


class VaultKv(ABC):
    """What both engines share. Nothing is kept between reads but the connection and the login."""

    settings: ClassVar[tuple[str, ...]] = ("VAULT_TOKEN", "VAULT_APP_ROLE_SECRET_ID")
    stages: ClassVar[tuple[Stage, ...]] = ()
    leases: ClassVar[bool] = False

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ
        self._lock = threading.Lock()
        self._vault: Vault | None = None

    def fetch(self, secret: str, timeout: float, stage: Stage = Stage.CURRENT) -> SecretVersion:
        deadline = Deadline(timeout)
        vault = self._connected()
        inner = Deadline(deadline.left * _SHARE)
        try:
            return within(deadline.left, lambda: self._read(vault, secret, inner))
        except TimeoutError:
            pass
        raise ProviderUnavailable(
            f"Vault at {vault.client.address} gave no answer within {timeout:g} seconds"
        )

    def close(self) -> None:
        with self._lock:
            if self._vault is not None:
                self._vault.close()
                self._vault = None

    @abstractmethod
    def _read(self, vault: Vault, secret: str, deadline: Deadline) -> SecretVersion: ...

    def _connected(self) -> Vault:
        """Made at the first read: until then settings may be missing, and libraries unread."""
        from providers.vault_client import VaultClient  # noqa: PLC0415
        from providers.vault_login import login_from  # noqa: PLC0415

        with self._lock:
            if self._vault is None:
                client = VaultClient(self._environ)
                self._vault = Vault(client, login_from(self._environ, client))
            return self._vault


class VaultKv1(VaultKv):
    """Version 1 of the engine: one value a path, the path as Vault's API has it."""

    name: ClassVar[str] = "vaultkv1"

    @classmethod
    def split(cls, text: str) -> tuple[str, str | None]:
        secret, key = split_at_last_colon(text)
        if "/" not in secret.strip("/"):
            raise ValueError("names no path in a mount; write _vaultkv1:MOUNT/PATH:KEY")
        return secret, key

    def _read(self, vault: Vault, secret: str, deadline: Deadline) -> SecretVersion:
        return SecretVersion(JsonKeys(data_of(vault.get(secret.strip("/"), deadline))))


class VaultKv2(VaultKv):
    """Version 2: versions of a secret, read at MOUNT/data/PATH."""

    name: ClassVar[str] = "vaultkv2"

    @classmethod
    def split(cls, text: str) -> tuple[str, str | None]:
        secret, key = split_at_last_colon(text)
        if _WITH_VERSION.fullmatch(secret) is None:
            raise ValueError("may end in ?version=N; write _vaultkv2:MOUNT/data/PATH?version=N:KEY")
        return secret, key

    def _read(self, vault: Vault, secret: str, deadline: Deadline) -> SecretVersion:
        match = _WITH_VERSION.fullmatch(secret)
        assert match is not None, "split() lets nothing else through"
        path = _data_path(vault, match[1].strip("/"), deadline)
        wanted = {"version": match[2]} if match[2] else {}
        found = data_of(vault.get(path, deadline, **wanted))
        fields, metadata = found.get("data"), found.get("metadata")
        if not (isinstance(fields, dict) and isinstance(metadata, dict)):
            raise SecretUnreadable(
                f"Vault's {path} is not in a KV 2 engine; read it with _vaultkv1:"
            )
        return SecretVersion(JsonKeys(fields), version=str(metadata.get("version", "")))


def _data_path(vault: Vault, name: str, deadline: Deadline) -> str:
    """Where KV 2 keeps `name`. The mount is asked for at each read, so that it may move meanwhile;
    a path with data/ in it spares the question."""
    if "/data/" in name:
        return name
    if "/" in name:
        answer = vault.get(f"sys/internal/ui/mounts/{name}", deadline)
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

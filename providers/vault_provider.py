"""What Vault's engines have in common as providers: settings, deadlines, and a shared connection.

Importing Vault's client takes a quarter of a second, so that happens at the first read.
"""

import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, ClassVar, TypeVar

from providers.api import SecretVersion, Stage
from providers.deadline import Deadline, within
from providers.errors import ProviderUnavailable, SecretNotFound

if TYPE_CHECKING:
    from providers.vault_connection import VaultConnection

_Result = TypeVar("_Result")
# Vault's share of the time: what kept us waiting is a better answer than that we waited.
_SHARE = 0.9


class VaultProvider(ABC):
    """An engine adds what a reference looks like and what an answer means."""

    settings: ClassVar[tuple[str, ...]] = (
        "VAULT_TOKEN",
        "VAULT_APP_ROLE_SECRET_ID",
        "VAULT_AUTH_PASSWORD",
    )
    stages: ClassVar[tuple[Stage, ...]] = ()
    makes_secrets: ClassVar[bool] = False

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ
        self._lock = threading.Lock()
        self._vault: VaultConnection | None = None

    def fetch(self, secret: str, timeout: float, stage: Stage = Stage.CURRENT) -> SecretVersion:
        if stage is not Stage.CURRENT and stage not in self.stages:
            raise SecretNotFound(f"Vault keeps no {stage.value} version of {secret}")
        return self._within(
            timeout, lambda vault, deadline: self._read(vault, secret, stage, deadline)
        )

    def close(self) -> None:
        with self._lock:
            vault, self._vault = self._vault, None
        if vault is not None:
            vault.leave()

    @abstractmethod
    def _read(
        self, vault: "VaultConnection", secret: str, stage: Stage, deadline: Deadline
    ) -> SecretVersion: ...

    def _within(
        self, timeout: float, work: Callable[["VaultConnection", Deadline], _Result]
    ) -> _Result:
        deadline = Deadline(timeout)
        vault = self._connected()
        inner = Deadline(deadline.left * _SHARE)
        try:
            return within(deadline.left, lambda: work(vault, inner))
        except TimeoutError:
            pass
        raise ProviderUnavailable(
            f"Vault at {vault.client.address} gave no answer within {timeout:g} seconds"
        )

    def _connected(self) -> "VaultConnection":
        """Made at the first read: until then settings may be missing, and libraries unread."""
        from providers.vault_connection import VaultConnection  # noqa: PLC0415

        with self._lock:
            if self._vault is None:
                self._vault = VaultConnection.shared(self._environ)
            return self._vault

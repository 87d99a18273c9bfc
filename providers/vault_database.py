"""Logins that Vault makes for one reader: `_vaultdb:MOUNT/creds/ROLE:username` and `:password`.

Any engine's path that answers with a lease will do; the database engine's is the one in mind. Every
read makes a login of its own, which ends with its lease. A lease ends at the latest with the token
that it was made with, so let the tokens of a proxy with long sessions be periodic. Revoking needs
the policy `path "sys/leases/revoke" { capabilities = ["update"] }`; renewing is in Vault's default.
"""

from typing import TYPE_CHECKING, ClassVar

from providers.api import Lease, SecretVersion, Stage
from providers.deadline import Deadline
from providers.errors import (
    AccessDenied,
    ProviderError,
    ProviderUnavailable,
    SecretNotFound,
    SecretUnreadable,
)
from providers.json_secret import JsonKeys
from providers.reference import split_at_last_colon
from providers.vault_answers import VaultAnswer, data_of, seconds_of
from providers.vault_provider import VaultProvider

if TYPE_CHECKING:
    from providers.vault_connection import VaultConnection

_LATE = 5.0  # seconds to give back what nobody waits for any more


class VaultDatabase(VaultProvider):
    """A secret is a path that makes logins; its version is the end of the lease's id."""

    name: ClassVar[str] = "vaultdb"
    makes_secrets: ClassVar[bool] = True

    @classmethod
    def split(cls, text: str) -> tuple[str, str | None]:
        secret, key = split_at_last_colon(text)
        if "/" not in secret.strip("/"):
            raise ValueError("names no path in a mount; write _vaultdb:MOUNT/creds/ROLE:KEY")
        return secret, key

    def renew(self, lease: Lease, timeout: float) -> Lease:
        return self._within(timeout, lambda vault, deadline: _renew(vault, lease.id, deadline))

    def revoke(self, lease_id: str, timeout: float) -> None:
        self._within(timeout, lambda vault, deadline: _revoke(vault, lease_id, deadline))

    def _read(
        self, vault: "VaultConnection", secret: str, stage: Stage, deadline: Deadline
    ) -> SecretVersion:
        answer = vault.ask("get", secret.strip("/"), deadline)
        fields, lease = JsonKeys(data_of(answer)), _lease(vault, answer)
        if not deadline.left:
            _revoke(vault, lease.id, Deadline(_LATE))
            raise ProviderUnavailable(f"Vault at {answer.address} made a login too late")
        return SecretVersion(fields, version=lease.id.rpartition("/")[2], lease=lease)


def _renew(vault: "VaultConnection", lease_id: str, deadline: Deadline) -> Lease:
    answer = vault.ask("post", "sys/leases/renew", deadline, json={"lease_id": lease_id})
    if answer.status == 200:
        return _lease(vault, answer)
    raise _refusal(answer, f"renew the lease {lease_id}")


def _revoke(vault: "VaultConnection", lease_id: str, deadline: Deadline) -> None:
    """Synchronously: when this returns, the login is gone. Vault takes one that has gone already
    for done."""
    order = {"lease_id": lease_id, "sync": True}
    answer = vault.ask("post", "sys/leases/revoke", deadline, json=order)
    if answer.status not in (200, 204):
        raise _refusal(answer, f"revoke the lease {lease_id}")


def _lease(vault: "VaultConnection", answer: VaultAnswer) -> Lease:
    lease_id, body = answer.body.get("lease_id"), answer.body
    if not isinstance(lease_id, str) or not lease_id:
        raise SecretUnreadable(
            f"Vault's {answer.path} makes no lease; read it with _vaultkv1:{answer.path}"
        )
    seconds = min(seconds_of(body.get("lease_duration")), vault.login.seconds_left)
    return Lease(lease_id, max(0.0, seconds), body.get("renewable") is True)


def _refusal(answer: VaultAnswer, what: str) -> ProviderError:
    vault, said = f"Vault at {answer.address}", f"(status {answer.status}: {answer.words})"
    if answer.status == 403:
        return AccessDenied(
            f"{vault} does not let us {what} {said}; let our policy update {answer.path}"
        )
    if answer.status == 400 and "lease not found" in answer.words:
        return SecretNotFound(f"{vault} cannot {what} {said}; it has ended")
    # Vault says 400 too where the database behind it was the obstacle.
    return ProviderUnavailable(f"{vault} could not {what} {said}")

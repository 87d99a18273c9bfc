"""Who we are to Vault: a token that was given to us, or one that an AppRole login earns.

A login hands out a token and judges, when Vault refuses it, whether another one may be accepted.
Other ways to log in (Kubernetes, userpass) belong here, each as one more class.
"""

import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from providers import vault_settings
from providers.deadline import Deadline
from providers.errors import AccessDenied, ProviderMisconfigured, ProviderUnavailable
from providers.vault_client import VaultClient

_APP_ROLE = ("VAULT_APP_ROLE_ID", "VAULT_APP_ROLE_SECRET_ID")
_LEASE_SHARE = 0.9  # how much of a token's life is used: a read that begins must also end within it
_FAREWELL = 1.0  # seconds


class VaultLogin(Protocol):
    """One identity, shared by every thread."""

    def token(self, deadline: Deadline) -> str:
        """A token that Vault should accept."""

    def replaces(self, refused: str, deadline: Deadline) -> bool:
        """Whether `token()` now gives another one than the one that Vault refused."""

    def close(self) -> None: ...


def login_from(environ: Mapping[str, str], client: VaultClient) -> VaultLogin:
    """VAULT_TOKEN goes before the AppRole, as it does for Vault's own command line."""
    token = vault_settings.header(environ, "VAULT_TOKEN")
    if token:
        return GivenToken(token)
    credentials = [environ.get(name, "").strip() for name in _APP_ROLE]
    if all(credentials):
        return AppRole(client, *credentials)
    if any(credentials):
        missing = _APP_ROLE[credentials.index("")]
        raise ProviderMisconfigured(
            f"{missing} is not set; an AppRole login needs {' and '.join(_APP_ROLE)}"
        )
    raise ProviderMisconfigured(
        f"VAULT_TOKEN is not set; set it, or {' and '.join(_APP_ROLE)}, to log in to Vault"
    )


class GivenToken:
    """A token that somebody else made, renews and revokes."""

    def __init__(self, token: str) -> None:
        self._token = token

    def token(self, deadline: Deadline) -> str:
        return self._token

    def replaces(self, refused: str, deadline: Deadline) -> bool:
        return False

    def close(self) -> None:
        pass


@dataclass(frozen=True, slots=True)
class _Lease:
    token: str = field(repr=False)
    ends: float  # on the monotonic clock

    @property
    def holds(self) -> bool:
        return time.monotonic() < self.ends


class AppRole:
    """Logs in when a token is needed and none is held, once for all who wait for it."""

    def __init__(self, client: VaultClient, role_id: str, secret_id: str) -> None:
        self._client = client
        self._credentials = {"role_id": role_id, "secret_id": secret_id}
        self._lock = threading.Lock()
        self._lease = _NO_LEASE

    def token(self, deadline: Deadline) -> str:
        lease = self._lease
        if lease.holds:
            return lease.token
        self._wait_for_turn(deadline)
        try:
            if not self._lease.holds:
                self._lease = self._log_in(deadline)
            return self._lease.token
        finally:
            self._lock.release()

    def replaces(self, refused: str, deadline: Deadline) -> bool:
        """403 means both that a token is dead and that a policy is against it. Only the dead one is
        replaced: a new token for every denied read would pile up in Vault."""
        self._wait_for_turn(deadline)
        try:
            if self._lease.token == refused:
                if self._is_alive(refused, deadline):
                    return False
                self._lease = _NO_LEASE
            return True
        finally:
            self._lock.release()

    def close(self) -> None:
        """Give the token back, so that it does not outlive us in Vault. Without it, it expires."""
        lease, self._lease = self._lease, _NO_LEASE
        if lease.holds:
            try:
                self._client.request(
                    "post", "auth/token/revoke-self", Deadline(_FAREWELL), token=lease.token
                )
            except ProviderUnavailable:
                return

    def _wait_for_turn(self, deadline: Deadline) -> None:
        if not self._lock.acquire(timeout=deadline.left):
            raise ProviderUnavailable(
                f"the AppRole login at Vault at {self._client.address} did not come about in time"
            )

    def _log_in(self, deadline: Deadline) -> _Lease:
        asked = time.monotonic()
        answer = self._client.request(
            "post", "auth/approle/login", deadline, json=self._credentials
        )
        granted = answer.body.get("auth")
        if answer.status != 200 or not isinstance(granted, dict):
            raise AccessDenied(
                f"Vault at {answer.address} refused the AppRole login (status {answer.status}: "
                f"{answer.words}); check {' and '.join(_APP_ROLE)}"
            )
        seconds = float(granted["lease_duration"]) or float("inf")
        return _Lease(granted["client_token"], asked + seconds * _LEASE_SHARE)

    def _is_alive(self, token: str, deadline: Deadline) -> bool:
        answer = self._client.request("get", "auth/token/lookup-self", deadline, token=token)
        return answer.status == 200


_NO_LEASE = _Lease("", 0.0)

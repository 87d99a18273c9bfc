"""Who we are to Vault: a token that was given to us, or one that a login earns.

Which logins there are is in `vault_methods`.
"""

import time
from collections.abc import Mapping
from contextlib import suppress

from providers import vault_methods, vault_settings
from providers.deadline import Deadline
from providers.errors import AccessDenied, ProviderError, ProviderMisconfigured
from providers.vault_answers import VaultAnswer, seconds_of
from providers.vault_client import VaultClient
from providers.vault_login import NO_GRANT, Grant, VaultLogin, auth_of
from providers.vault_methods import LoginMethod

_FAREWELL = 1.0  # seconds


class GivenToken(VaultLogin):
    """A token that somebody else made and revokes. What we may, we renew."""

    def __init__(self, client: VaultClient, token: str) -> None:
        super().__init__(client)
        self._token = token

    def replaces(self, refused: str, deadline: Deadline) -> bool:
        return False

    def close(self) -> None:
        pass

    def _obtained(self, deadline: Deadline) -> Grant:
        """Without an answer about the token it is used all the same: a policy may forbid to ask."""
        asked = time.monotonic()
        answer = self._client.request("get", "auth/token/lookup-self", deadline, token=self._token)
        data = answer.body.get("data")
        told = data if answer.status == 200 and isinstance(data, dict) else {}
        seconds = seconds_of(told.get("ttl")) or float("inf")
        return Grant(self._token, asked, seconds, told.get("renewable") is True)


class EarnedToken(VaultLogin):
    """A token for our credentials, made again when it has gone."""

    def __init__(self, client: VaultClient, method: LoginMethod) -> None:
        super().__init__(client)
        self._method = method

    def replaces(self, refused: str, deadline: Deadline) -> bool:
        """403 means both that a token is dead and that a policy is against it. Only the dead one is
        replaced: a new token for every denied read would pile up in Vault."""
        with self._turn(deadline):
            if self._grant.token == refused:
                if self._is_alive(refused, deadline):
                    return False
                self._grant = NO_GRANT
            return True

    def close(self) -> None:
        """Give the token back, so that it does not outlive us in Vault. Without it, it expires."""
        grant, self._grant = self._grant, NO_GRANT
        if grant.left > 0:
            with suppress(ProviderError):
                self._client.request(
                    "post", "auth/token/revoke-self", Deadline(_FAREWELL), token=grant.token
                )

    def _obtained(self, deadline: Deadline) -> Grant:
        asked, method = time.monotonic(), self._method
        credentials = dict(method.credentials())
        answer = self._client.request("post", method.path, deadline, json=credentials)
        auth = auth_of(answer)
        token = auth.get("client_token")
        if not isinstance(token, str) or not token:
            raise _refusal(answer, method)
        seconds = seconds_of(auth.get("lease_duration")) or float("inf")
        return Grant(token, asked, seconds, auth.get("renewable") is True)

    def _is_alive(self, token: str, deadline: Deadline) -> bool:
        answer = self._client.request("get", "auth/token/lookup-self", deadline, token=token)
        return answer.status == 200


def login_from(environ: Mapping[str, str], client: VaultClient) -> VaultLogin:
    name = vault_methods.chosen(environ)
    if name == vault_methods.TOKEN:
        return GivenToken(client, vault_settings.header(environ, "VAULT_TOKEN"))
    return EarnedToken(client, vault_methods.method(name, environ))


def _refusal(answer: VaultAnswer, method: LoginMethod) -> ProviderError:
    vault, said = f"Vault at {answer.address}", f"(status {answer.status}: {answer.words})"
    if answer.status in (400, 401, 403):
        return AccessDenied(
            f"{vault} refused the {method.name} login at {method.path} {said}; check "
            f"{' and '.join(method.needs)}, and that the method is mounted there"
        )
    return ProviderMisconfigured(
        f"{vault} gave no token at {method.path} {said}; check VAULT_ADDR, VAULT_NAMESPACE and "
        "VAULT_AUTH_MOUNT"
    )

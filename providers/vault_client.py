"""One Vault server over HTTP: requests, their answers, and when to ask again.

It knows nothing of KV engines or logins. hvac's adapter does the work; its `Client` is left aside
because it takes settings from the process's environment and from ~/.vault-token by itself.
Importing hvac takes 0.2 to 0.4 seconds, so this module is imported at the first read.
"""

import random
import ssl
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

import requests
from hvac.adapters import RawAdapter
from requests.adapters import HTTPAdapter

from providers import json_secret, vault_settings
from providers.deadline import Deadline
from providers.errors import ProviderMisconfigured, ProviderUnavailable, SecretUnreadable
from providers.vault_answers import VaultAnswer

_FIRST_PAUSE = 0.1  # seconds; doubles, and each pause is somewhere between half of it and all of it
_LONGEST_PAUSE = 2.0
# Not caught up with the leader yet; over a rate limit; two kinds of standby. Like all from 500 on.
_BUSY = (412, 429, 472, 473)
_CONNECTIONS = 32  # kept open: what a burst opened beyond them is closed again
_LONGEST_WORDS = 300


class VaultClient:
    """Sends one request at a time for any number of threads."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self.address = vault_settings.address(environ)
        self._request_timeout = vault_settings.request_timeout(environ)
        self._adapter = RawAdapter(
            base_uri=self.address,
            session=_session(vault_settings.tls_context(environ)),
            namespace=vault_settings.header(environ, "VAULT_NAMESPACE") or None,
        )

    def request(
        self, method: str, path: str, deadline: Deadline, *, token: str = "", **parts: Any
    ) -> VaultAnswer:
        """Vault's answer, asked for until it is one or the deadline comes.

        `parts` are requests' `params` and `json`. ProviderUnavailable names the last obstacle.
        """
        pause = _FIRST_PAUSE
        obstacle: ProviderUnavailable | None = None
        while True:
            try:
                return self._request_once(method, path, deadline, token, parts)
            except ProviderUnavailable as error:
                # A try that our own deadline cut short says less than the one before it.
                obstacle = obstacle if obstacle and not deadline.left else error
            # Many proxies may wait for the same Vault: they should not all come back at once.
            if not deadline.pause(random.uniform(pause / 2, pause)):  # noqa: S311
                raise obstacle
            pause = min(2 * pause, _LONGEST_PAUSE)

    def close(self) -> None:
        self._adapter.close()

    def _request_once(
        self, method: str, path: str, deadline: Deadline, token: str, parts: Mapping[str, Any]
    ) -> VaultAnswer:
        try:
            with self._adapter.request(
                method,
                f"/v1/{quote(path)}",
                headers={"X-Vault-Token": token} if token else {},
                timeout=max(0.001, min(self._request_timeout, deadline.left)),
                stream=True,
                raise_exception=False,
                **parts,
            ) as response:
                status, text = response.status_code, _read(response)
        except requests.RequestException as error:
            failure = self._failure(error)
        else:
            body = _object(text)
            words = _words(text, body, [token, *map(str, parts.get("json", {}).values())])
            if status < 500 and status not in _BUSY:
                return VaultAnswer(self.address, path, status, words, body)
            failure = ProviderUnavailable(f"Vault at {self.address} answered {status}: {words}")
        raise failure  # here, so that it does not carry the request and its token along

    def _failure(
        self, error: requests.RequestException
    ) -> ProviderMisconfigured | ProviderUnavailable:
        cause = _root(error)
        if isinstance(cause, ssl.SSLCertVerificationError):
            return ProviderMisconfigured(
                f"the certificate of Vault at {self.address} is not trusted "
                f"({cause.verify_message}); set VAULT_CACERT to the authority that signed it"
            )
        words = (cause.strerror if isinstance(cause, OSError) else "") or str(cause)
        reason = " ".join(words.split())  # a server's own words may have lines
        return ProviderUnavailable(f"Vault at {self.address} cannot be reached: {reason}")


class _Session(requests.Session):
    """A standby node may send us on to the active one, but not from TLS to plain text: the token
    would travel along."""

    def get_redirect_target(self, resp: requests.Response) -> str | None:
        target = super().get_redirect_target(resp)
        secure = resp.url.lower().startswith("https:")
        leaves_tls = target is not None and target.lower().startswith("http:")
        return None if secure and leaves_tls else target


class _TlsAdapter(HTTPAdapter):
    """HTTPS that trusts what its context trusts; requests would add a bundle of its own."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self._context = context
        super().__init__(pool_maxsize=_CONNECTIONS)

    def build_connection_pool_key_attributes(
        self, request: requests.PreparedRequest, verify: Any, cert: Any = None
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        host, _ = super().build_connection_pool_key_attributes(request, verify, cert)
        return host, {"ssl_context": self._context}

    def cert_verify(self, conn: Any, url: str, verify: Any, cert: Any) -> None:
        conn.cert_reqs = "CERT_REQUIRED"


def _session(tls: ssl.SSLContext) -> requests.Session:
    session = _Session()
    session.trust_env = False  # or ~/.netrc and the process's own variables would have a say
    session.mount("https://", _TlsAdapter(tls))
    session.mount("http://", HTTPAdapter(pool_maxsize=_CONNECTIONS))
    return session


def _read(response: requests.Response) -> bytes:
    text = bytearray()
    for chunk in response.iter_content(1 << 16):
        text += chunk
        if len(text) > json_secret.LARGEST:
            raise SecretUnreadable(f"Vault's answer is larger than {json_secret.LARGEST} bytes")
    return bytes(text)


def _object(text: bytes) -> Mapping[str, Any]:
    """The answer's JSON object; empty where nothing is said, or Vault is not who says it."""
    try:
        body = json_secret.parse(text)
    except SecretUnreadable:
        return {}
    return body if isinstance(body, dict) else {}


def _words(text: bytes, body: Mapping[str, Any], credentials: list[str]) -> str:
    parts = (body.get("errors"), body.get("warnings"))
    said = [str(words) for part in parts if isinstance(part, list) for words in part]
    silent = "no reason given" if body or not text.strip() else "what came is not a JSON object"
    words = " ".join("; ".join(said).split()) or silent
    for credential in filter(None, credentials):
        words = words.replace(credential, "***")
    return words[:_LONGEST_WORDS]


def _root(error: BaseException) -> BaseException:
    """What requests and urllib3 wrapped, for their own texts are long and name no cause."""
    while inner := error.__cause__ or error.__context__:
        error = inner
    return error

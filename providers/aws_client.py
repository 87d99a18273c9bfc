"""AWS clients, made once a region, and who they sign as: boto3's default chain, or a role that is
assumed with it.

It knows nothing of what is read.
"""

import logging
import threading
from functools import partial
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config
from botocore.credentials import (
    AssumeRoleCredentialFetcher,
    CredentialProvider,
    CredentialResolver,
    DeferredRefreshableCredentials,
)
from botocore.exceptions import NoCredentialsError
from botocore.session import Session as CoreSession

from providers.aws_settings import AwsSettings

if TYPE_CHECKING:
    from types_boto3_secretsmanager import SecretsManagerClient

# A read has a deadline besides; these bound how long its thread lives on when nobody waits for it.
_CONFIG = Config(
    connect_timeout=2, read_timeout=5, retries={"mode": "standard", "total_max_attempts": 3}
)


class AwsClients:
    """Clients by service and region; region None is that of the settings or the default chain.

    All of them share one session, so that credentials are looked for, and a role assumed, once.
    """

    def __init__(self, settings: AwsSettings) -> None:
        self._settings = settings
        self._lock = threading.Lock()  # sessions, unlike clients, are not made for threads
        self._session: boto3.session.Session | None = None
        self._clients: dict[tuple[str, str | None], Any] = {}

    def secrets_manager(self, region: str | None) -> "SecretsManagerClient":
        client: SecretsManagerClient = self._client("secretsmanager", region)
        return client

    def rds(self, region: str | None) -> Any:
        return self._client("rds", region)

    def forget(self) -> None:
        """Let the next read look for credentials anew: a session keeps those that it began with."""
        with self._lock:
            self._session = None
            self._clients.clear()

    def _client(self, service: str, region: str | None) -> Any:
        with self._lock:
            if self._session is None:
                self._session = _session(self._settings, region)
            if (service, region) not in self._clients:
                self._clients[service, region] = self._session.client(
                    service, region_name=region, config=_CONFIG
                )
            return self._clients[service, region]


def _session(settings: AwsSettings, region: str | None) -> boto3.session.Session:
    # At DEBUG, botocore logs every answer whole and every header that it signs; and with a failed
    # refresh of credentials it logs AWS's words, which hold a token where a signature was wrong.
    logging.getLogger("botocore").setLevel(logging.WARNING)
    logging.getLogger("botocore.credentials").setLevel(logging.ERROR)
    core = CoreSession()
    session = boto3.session.Session(botocore_session=core, region_name=settings.region)
    if settings.role is not None:
        role = _AssumedRole(core, settings, settings.role, session.region_name or region)
        core.register_component("credential_provider", CredentialResolver([role]))
    return session


class _AssumedRole(CredentialProvider):
    """A role's credentials, which botocore asks STS for when they are needed or about to end."""

    METHOD = "custom-keyless-role"

    def __init__(
        self, core: CoreSession, settings: AwsSettings, role: str, region: str | None
    ) -> None:
        super().__init__(core)
        self._chain: CredentialResolver = core.get_component("credential_provider")
        self._create_client = partial(core.create_client, region_name=region, config=_CONFIG)
        self._role = role
        self._arguments = {"RoleSessionName": "keyless"}
        if settings.external_id is not None:
            self._arguments["ExternalId"] = settings.external_id

    def load(self) -> DeferredRefreshableCredentials:
        ours = self._chain.load_credentials()
        if ours is None:
            raise NoCredentialsError
        fetcher = AssumeRoleCredentialFetcher(
            self._create_client, ours, self._role, self._arguments
        )
        return DeferredRefreshableCredentials(fetcher.fetch_credentials, self.METHOD)

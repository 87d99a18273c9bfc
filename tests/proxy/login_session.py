"""A session's logins without the session: the test is the upstream that refuses them."""

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from protocols.api import Event, NeedLogin, Wish
from protocols.errors import LoginRejected
from protocols.postgres import POSTGRES
from protocols.postgres.login import PostgresLogin
from providers.api import Provider, Secret
from providers.reference import Reference
from proxy.audit.events import LoginRetry, SecretRead
from proxy.audit.log import AuditLog
from proxy.cancels import Cancels
from proxy.config import Allow, Role, parse_text
from proxy.leases import Leases
from proxy.login import Logins
from proxy.metrics import Metrics
from proxy.own_key import OwnKey
from proxy.places import Places
from proxy.secrets import SecretReader
from proxy.services import Services
from proxy.tls import server_context
from tests.proxy.stand_in import password

REJECTED = LoginRejected("refused", code="28P01")
_FILE = '[roles.app]\nkind = "postgres"\nenv = { HOST = "db", USER = "app", PASS = "literal" }\n'


class LoginSession:
    """One session's logins to a role whose password the first provider has, and whose user a second
    one where there is one; and what was told to the audit."""

    def __init__(
        self, folder: Path, rotation_wait: float, providers: Mapping[str, Provider]
    ) -> None:
        text = f"[secrets]\nrotation_wait = {rotation_wait}\n{_FILE}"
        config = parse_text(text, folder / "keyless.toml")
        self.metrics = Metrics()
        self.journals = folder / "leases"
        secrets = SecretReader(providers, config.secrets, 1, self.metrics)
        self._services = Services(
            config,
            self.metrics,
            secrets,
            Leases(secrets, self.journals),
            AuditLog(config.audit.path, folder),
            Cancels(config.timeouts),
            OwnKey(folder / "key"),
            Places(config.limits.sessions),
            server_context(),
        )
        environment: dict[str, str | Reference] = {"HOST": "127.0.0.1"}
        for name, provider in zip(("PASS", "USER"), providers, strict=False):
            environment[name] = Reference(provider, "app", "password")
        environment.setdefault("USER", "app")
        role = Role("app", POSTGRES, None, Allow(), environment, POSTGRES.options())
        self.events: list[Event] = []
        self.logins = Logins(role, self._services, self.events.append)

    async def first(self) -> str:
        """The version that a session begins with."""
        return await self._next(None)

    async def after_refusal(self) -> str:
        """The version that follows a refused one."""
        return await self._next(REJECTED)

    async def _next(self, rejected: LoginRejected | None) -> str:
        login: Any = await self.logins.next(NeedLogin(Wish(), rejected))
        (version,) = self.logins.versions[:1]
        assert isinstance(login, PostgresLogin)
        assert Secret(login.password) == password(version)
        return version

    async def all(self) -> list[str]:
        """Every version that is tried where upstream refuses each."""
        versions = [await self.first()]
        with suppress(LoginRejected):
            while True:
                versions.append(await self.after_refusal())
        return versions

    @property
    def retries(self) -> list[LoginRetry]:
        return [event for event in self.events if isinstance(event, LoginRetry)]

    @property
    def reads(self) -> list[SecretRead]:
        return [event for event in self.events if isinstance(event, SecretRead)]

    async def close(self) -> None:
        await self.logins.close()
        await self._services.close()

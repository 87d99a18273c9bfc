"""Proves that a role works, as a session would use it: its secrets are read, its login is taken.

No value is shown. What providers and servers say in refusing is, for who runs this is the operator.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from secrets import token_hex

from protocols.api import Event, NeedLogin, WireProtocol, Wish
from protocols.carried import CarriedProtocol
from protocols.errors import LoginRejected, Refusal
from proxy.audit.events import SecretRead
from proxy.audit.log import context
from proxy.config import Role
from proxy.driver import Driver, nonce
from proxy.login import Logins
from proxy.role_secrets import RoleSecrets
from proxy.services import Services


@dataclass(slots=True)
class Report:
    """What became of one role. `problem` is empty where all is well."""

    role: str
    kind: str
    secrets: list[SecretRead] = field(default_factory=list)
    facts: Mapping[str, str] = field(default_factory=dict)
    problem: str = ""

    @property
    def ok(self) -> bool:
        return not self.problem


class RoleCheck(ABC):
    """One role's check; audited, for it reads secrets. A sort of role adds what proves it."""

    _secrets: Logins | RoleSecrets

    def __init__(self, role: str, kind: str, services: Services) -> None:
        self._services = services
        self._context = context(session=token_hex(8), role=role)
        self._report = Report(role, kind)

    async def run(self) -> Report:
        """Try it."""
        try:
            await self._prove()
        except Refusal as refusal:
            because = f" ({self._secrets.scrub(refusal.detail)})" if refusal.detail else ""
            self._report.problem = f"{refusal}{because}"
        finally:
            await self._secrets.close()
        return self._report

    @abstractmethod
    async def _prove(self) -> None:
        """Raises Refusal."""

    def _emit(self, event: Event) -> None:
        self._services.audit.record(event, self._context)
        if isinstance(event, SecretRead):
            self._report.secrets.append(event)


class Check(RoleCheck):
    """That of a role with an upstream: it logs in, as a session does."""

    def __init__(self, role: Role, services: Services) -> None:
        super().__init__(role.name, role.protocol.kind, services)
        self._role = role
        self._secrets = self._logins = Logins(role, services, self._emit)

    async def _prove(self) -> None:
        """A refused login is tried again with what a fresh read gives, as sessions do."""
        rejected: LoginRejected | None = None
        while not self._report.facts:
            login = await self._logins.next(NeedLogin(Wish(), rejected))
            self._services.audit.flush()  # what cannot be audited does not happen
            try:
                self._report.facts = await self._log_in(login)
            except LoginRejected as refusal:
                rejected = refusal

    async def _log_in(self, login: object) -> Mapping[str, str]:
        driver = Driver(self._services.config.timeouts, memory=self._services.memory)
        try:
            match self._role.protocol:
                case WireProtocol(try_login=try_login):
                    return await driver.run(try_login(login, nonce))
                case CarriedProtocol(try_login=try_it):
                    return await driver.carry(partial(try_it, login))
            raise AssertionError("there is no third sort of protocol")
        finally:
            driver.close()

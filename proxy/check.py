"""Proves that a role works, as a session would use it: its secrets are read, its login is taken.

No value is shown. What providers and servers say in refusing is, for who runs this is the operator.
"""

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


class Check:
    """One role's check; audited like a session, for it reads secrets and logs in."""

    def __init__(self, role: Role, services: Services) -> None:
        self._role = role
        self._services = services
        self._context = context(session=token_hex(8), role=role.name)
        self._report = Report(role.name, role.protocol.kind)

    async def run(self) -> Report:
        """Try it. A refused login is tried again with what a fresh read gives, as sessions do."""
        logins = Logins(self._role, self._services, self._emit)
        rejected: LoginRejected | None = None
        try:
            while not self._report.facts:
                login = await logins.next(NeedLogin(Wish(), rejected))
                self._services.audit.flush()  # what cannot be audited does not happen
                try:
                    self._report.facts = await self._log_in(login)
                except LoginRejected as refusal:
                    rejected = refusal
        except Refusal as refusal:
            because = f" ({logins.scrub(refusal.detail)})" if refusal.detail else ""
            self._report.problem = f"{refusal}{because}"
        finally:
            await logins.close()
        return self._report

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

    def _emit(self, event: Event) -> None:
        self._services.audit.record(event, self._context)
        if isinstance(event, SecretRead):
            self._report.secrets.append(event)

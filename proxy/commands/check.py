"""Proves that a role of commands works, as a command would use it: its secrets are read."""

from secrets import token_hex

from protocols.api import Event
from protocols.errors import Refusal
from proxy.audit.events import SecretRead
from proxy.audit.log import context
from proxy.check import Report
from proxy.commands.given import check_values
from proxy.config import CommandRole
from proxy.config.schema import COMMAND
from proxy.role_secrets import RoleSecrets
from proxy.services import Services


class CommandCheck:
    """One role's check; audited, for it reads secrets."""

    def __init__(self, role: CommandRole, services: Services) -> None:
        self._role = role
        self._audit = services.audit
        self._context = context(session=token_hex(8), role=role.name)
        self._report = Report(role.name, COMMAND)
        self._secrets = RoleSecrets(role.name, role.environment, services, self._emit)

    async def run(self) -> Report:
        try:
            values = self._secrets.resolve(await self._secrets.read())
            check_values(self._role, values)
            self._audit.flush()
        except Refusal as refusal:
            because = f" ({self._secrets.scrub(refusal.detail)})" if refusal.detail else ""
            self._report.problem = f"{refusal}{because}"
        finally:
            await self._secrets.close()
        return self._report

    def _emit(self, event: Event) -> None:
        self._audit.record(event, self._context)
        if isinstance(event, SecretRead):
            self._report.secrets.append(event)

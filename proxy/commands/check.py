"""Proves that a role of commands works, as a command would use it: its secrets are read."""

from proxy.check import RoleCheck
from proxy.commands.given import check_values
from proxy.config import CommandRole
from proxy.config.schema import COMMAND
from proxy.role_secrets import RoleSecrets
from proxy.services import Services


class CommandCheck(RoleCheck):
    """That of a role of commands."""

    def __init__(self, role: CommandRole, services: Services) -> None:
        super().__init__(role.name, COMMAND, services)
        self._role = role
        self._secrets: RoleSecrets = RoleSecrets(role.name, role.environment, services, self._emit)

    async def _prove(self) -> None:
        values = self._secrets.resolve(await self._secrets.read())
        check_values(self._role, values)
        self._services.audit.flush()

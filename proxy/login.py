"""A role's secrets, made into the protocol's login, and into another one where that is refused.

A refused login is no failed session yet: the credential may be older than the database's, or newer.
`Logins` tries what the provider says now, then the versions beside it, then waits a moment for a
newer one. No login is tried again, except once where upstream may have moved on to it meanwhile,
and no session tries more than a few.
"""

import asyncio
import time
from collections.abc import AsyncGenerator, Callable

from protocols.api import Event, Login, NeedLogin
from protocols.errors import Reason, Refusal, misconfigured
from providers.api import Stage
from proxy.audit.events import LoginRetry
from proxy.config import Role
from proxy.role_secrets import RoleSecrets, Versions
from proxy.services import Services

_MAX_ATTEMPTS = 5  # far below any lockout
_FIRST_PAUSE = 0.05  # seconds between two questions to the provider; doubles each time
_LONGEST_PAUSE = 0.4


class Logins:
    """One session's logins to one role: the first, and others where upstream refused it."""

    def __init__(self, role: Role, services: Services, emit: Callable[[Event], None]) -> None:
        self._role = role
        self._secrets = RoleSecrets(role.name, role.environment, services, emit)
        self._retries = services.metrics.login_retries.labels(role.name)
        self._rotation_wait = services.config.secrets.rotation_wait
        self._emit = emit
        self._candidates = self._find_candidates()
        self._tried: list[Login] = []
        self.versions: tuple[str, ...] = ()  # of the login given last, for the audit

    async def next(self, need: NeedLogin) -> Login:
        """A login that was not tried yet. Raises `need.rejected` where there is none."""
        async for versions in self._candidates:
            login = self._make(versions)
            if not self._is_worth_trying(login):
                continue
            self.versions = tuple(version.version for version in versions.values())
            self._tried.append(login)
            if need.rejected is not None:
                self._retries.inc()
                self._emit(LoginRetry(len(self._tried), need.rejected.code, self.versions))
            return login
        assert need.rejected is not None
        raise need.rejected

    def scrub(self, text: str) -> str:
        """What a server or the system said, without a value that came from a secret."""
        return self._secrets.scrub(text)

    def _is_worth_trying(self, login: Login) -> bool:
        """Once; and once more after another one, for upstream may have moved on to it meanwhile:
        refused before it was valid, it would else be the one that nobody tries."""
        again = self._tried.count(login)
        return not again or (again == 1 and login != self._tried[-1])

    async def settle(self) -> None:
        """The session is in, or never will be: forget every credential."""
        await self._candidates.aclose()
        self._tried.clear()
        self._secrets.forget()

    async def close(self) -> None:
        """The session is over: end what was made for it."""
        await self.settle()
        await self._secrets.close()

    async def _find_candidates(self) -> AsyncGenerator[Versions, None]:
        """Versions to try, likeliest first: the provider is asked again and again, and never the
        database, until `rotation_wait` is over."""
        yield await self._secrets.read()
        for stage in (Stage.CURRENT, *self._secrets.other_stages):
            if versions := await self._try_to_read_all(stage):
                yield versions
        if self._secrets.are_made:
            return
        until = time.monotonic() + self._rotation_wait
        pause = _FIRST_PAUSE
        while time.monotonic() < until and len(self._tried) < _MAX_ATTEMPTS:
            await asyncio.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)
            if versions := await self._try_to_read_all(Stage.CURRENT):
                yield versions

    async def _try_to_read_all(self, stage: Stage) -> Versions | None:
        """None where the provider has no such version, or fails: another may still do."""
        try:
            return await self._secrets.read(stage, fresh=True)
        except Refusal as refusal:
            if refusal.reason is not Reason.SECRET_UNAVAILABLE:
                raise
            return None

    def _make(self, versions: Versions) -> Login:
        environment = self._secrets.resolve(versions)
        try:
            return self._role.protocol.login(self._role.name, environment, self._role.options)
        except ValueError as error:
            raise misconfigured(self._role.name, error) from None

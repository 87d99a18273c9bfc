"""A role's secrets, made into the protocol's login: the one place that reveals a secret.

A refused login is no failed session yet: the credential may be older than the database's, or newer.
`Logins` tries what the provider says now, then the versions beside it, then waits a moment for a
newer one. No login is tried again, except once where upstream may have moved on to it meanwhile,
and no session tries more than a few.
"""

import asyncio
import time
from collections import defaultdict
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import suppress

from protocols.api import Event, Login, NeedLogin
from protocols.errors import Reason, Refusal
from providers.api import Lease, Secret, SecretVersion, Stage
from providers.errors import ProviderError, ProviderMisconfigured
from providers.reference import Reference
from proxy.audit.events import LoginRetry, SecretRead
from proxy.config import Role
from proxy.leases import LeaseName
from proxy.secrets import SecretName
from proxy.services import Services

_MAX_ATTEMPTS = 5  # far below any lockout
_FIRST_PAUSE = 0.05  # seconds between two questions to the provider; doubles each time
_LONGEST_PAUSE = 0.4

Versions = Mapping[SecretName, SecretVersion]


class Logins:
    """One session's logins to one role: the first, and others where upstream refused it."""

    def __init__(self, role: Role, services: Services, emit: Callable[[Event], None]) -> None:
        self._role = role
        self._secrets = services.secrets
        self._leases = services.leases
        self._retries = services.metrics.login_retries.labels(role.name)
        self._rotation_wait = services.config.secrets.rotation_wait
        self._emit = emit
        self._candidates = self._find_candidates()
        self._tried: list[Login] = []
        self._revealed: list[Secret] = []
        self._leased: list[LeaseName] = []
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
        """What a server or the system said, without a value that came from a secret: a role that
        names a password as its USER must not put it into the log."""
        for secret in self._revealed:
            text = secret.scrub(text)
        return text

    def _is_worth_trying(self, login: Login) -> bool:
        """Once; and once more after another one, for upstream may have moved on to it meanwhile:
        refused before it was valid, it would else be the one that nobody tries."""
        again = self._tried.count(login)
        return not again or (again == 1 and login != self._tried[-1])

    async def settle(self) -> None:
        """The session is in, or never will be: forget every credential."""
        await self._candidates.aclose()
        self._tried.clear()
        self._revealed.clear()

    async def close(self) -> None:
        """The session is over: end what was made for it."""
        await self.settle()
        await self._leases.end(self._leased)

    async def _find_candidates(self) -> AsyncGenerator[Versions, None]:
        """Versions to try, likeliest first: the provider is asked again and again, and never the
        database, until `rotation_wait` is over."""
        yield await self._read_all(Stage.CURRENT, fresh=False)
        for stage in (Stage.CURRENT, *self._other_stages()):
            if versions := await self._try_to_read_all(stage):
                yield versions
        if any(self._secrets.makes_secrets(provider) for provider, _ in self._keys()):
            return
        until = time.monotonic() + self._rotation_wait
        pause = _FIRST_PAUSE
        while time.monotonic() < until and len(self._tried) < _MAX_ATTEMPTS:
            await asyncio.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)
            if versions := await self._try_to_read_all(Stage.CURRENT):
                yield versions

    def _other_stages(self) -> tuple[Stage, ...]:
        providers = {provider for provider, _ in self._keys()}
        stages = (stage for name in sorted(providers) for stage in self._secrets.stages(name))
        return tuple(dict.fromkeys(stages))

    async def _try_to_read_all(self, stage: Stage) -> Versions | None:
        """None where the provider has no such version, or fails: another may still do."""
        try:
            return await self._read_all(stage, fresh=True)
        except Refusal as refusal:
            if refusal.reason is not Reason.SECRET_UNAVAILABLE:
                raise
            return None

    async def _read_all(self, stage: Stage, *, fresh: bool) -> Versions:
        """Every secret the role refers to, each read once, all at the same time."""
        keys = self._keys()
        reads = [
            asyncio.ensure_future(self._read(secret, tuple(keys[secret]), stage, fresh=fresh))
            for secret in keys
        ]
        try:
            return dict(zip(keys, await asyncio.gather(*reads), strict=True))
        except Exception:
            # What the others make meanwhile must be known, to be ended.
            await asyncio.gather(*reads, return_exceptions=True)
            raise

    def _keys(self) -> Mapping[SecretName, list[str | None]]:
        keys: dict[SecretName, list[str | None]] = defaultdict(list)
        for value in self._role.environment.values():
            if isinstance(value, Reference):
                keys[value.provider, value.secret].append(value.key)
        return keys

    async def _read(
        self, secret: SecretName, keys: tuple[str | None, ...], stage: Stage, *, fresh: bool
    ) -> SecretVersion:
        provider, name = secret
        if stage not in self._secrets.stages(provider):
            stage = Stage.CURRENT
        try:
            read = await self._secrets.read(secret, stage, fresh=fresh)
        except ProviderError as error:
            self._emit(SecretRead(provider, name, keys, stage.value, "", "", 0.0, str(error)))
            raise self._unavailable(error, f"_{provider}:{name}") from None
        milliseconds = round(read.seconds * 1000, 3)
        version = read.version
        if version.lease is not None:
            await self._adopt(provider, version.lease)
        self._emit(
            SecretRead(
                provider, name, keys, stage.value, version.version, read.source, milliseconds, None
            )
        )
        return version

    async def _adopt(self, provider: str, lease: Lease) -> None:
        """One that cannot be noted could outlive us unknown, so it is ended here and now."""
        try:
            self._leased.append(self._leases.adopt(provider, lease))
        except OSError as error:
            with suppress(ProviderError):
                await self._secrets.revoke(provider, lease.id)
            problem = ProviderMisconfigured(
                f"the lease cannot be noted ({error.strerror}); "
                "make the folder `leases` of [secrets] writable"
            )
            raise self._unavailable(problem, f"_{provider}") from None

    def _make(self, versions: Versions) -> Login:
        environment = {
            name: self._value(value, versions) for name, value in self._role.environment.items()
        }
        try:
            return self._role.protocol.login(self._role.name, environment, self._role.options)
        except ValueError as error:
            sentence = f'role "{self._role.name}" is not set up correctly; tell its operator'
            raise Refusal(Reason.SECRET_UNAVAILABLE, sentence, detail=str(error)) from None

    def _value(self, value: str | Reference, versions: Versions) -> str:
        if isinstance(value, str):
            return value
        try:
            secret = versions[value.provider, value.secret].value(value.key)
        except ProviderError as error:
            raise self._unavailable(error, str(value)) from None
        self._revealed.append(secret)
        return secret.reveal()

    def _unavailable(self, error: ProviderError, where: str) -> Refusal:
        """The client learns the role's name, the operator the rest."""
        advice = "try again" if error.retryable else "tell its operator"
        return Refusal(
            Reason.SECRET_UNAVAILABLE,
            f'the secrets of role "{self._role.name}" cannot be read now; {advice}',
            detail=f"{where}: {error}",
        )

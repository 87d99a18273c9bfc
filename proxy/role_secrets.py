"""The secrets of one role, read for one session: the one place that reveals a secret.

Every read is audited, and what a provider made for the session is ended with it. What becomes of
the values is not decided here.
"""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Mapping
from contextlib import suppress

from protocols.api import Event
from protocols.errors import Reason, Refusal
from providers.api import Lease, Secret, SecretVersion, Stage
from providers.errors import ProviderError, ProviderMisconfigured
from providers.reference import Reference
from proxy.audit.events import SecretRead
from proxy.leases import LeaseName
from proxy.secrets import SecretName
from proxy.services import Services

Versions = Mapping[SecretName, SecretVersion]


class RoleSecrets:
    """One session's, of a role's name and environment."""

    def __init__(
        self,
        role: str,
        environment: Mapping[str, str | Reference],
        services: Services,
        emit: Callable[[Event], None],
    ) -> None:
        self._role = role
        self._environment = environment
        self._secrets = services.secrets
        self._leases = services.leases
        self._emit = emit
        self._revealed: list[Secret] = []
        self._leased: list[LeaseName] = []

    @property
    def other_stages(self) -> tuple[Stage, ...]:
        """What the role's providers keep beside the current versions."""
        stages = (stage for name in self._providers() for stage in self._secrets.stages(name))
        return tuple(dict.fromkeys(stages))

    @property
    def are_made(self) -> bool:
        """Whether one of them is made anew by every read."""
        return any(map(self._secrets.makes_secrets, self._providers()))

    async def read(self, stage: Stage = Stage.CURRENT, *, fresh: bool = False) -> Versions:
        """Every secret the role refers to, each read once, all at the same time. Raises Refusal."""
        keys = self._keys()
        if len(keys) == 1:  # needs no task of its own
            ((secret, names),) = keys.items()
            return {secret: await self._read(secret, tuple(names), stage, fresh=fresh)}
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

    def resolve(self, versions: Versions) -> dict[str, str]:
        """The role's environment with these versions' values. Raises Refusal where one lacks a
        key."""
        return {name: self._value(value, versions) for name, value in self._environment.items()}

    def scrub(self, text: str) -> str:
        """What somebody said, without a value that came from a secret: a role that names a password
        as its USER must not put it into the log."""
        for secret in self._revealed:
            text = secret.scrub(text)
        return text

    def forget(self) -> None:
        """No value is needed any more."""
        self._revealed.clear()

    async def close(self) -> None:
        """The session is over: end what was made for it."""
        self.forget()
        await self._leases.end(self._leased)

    def _providers(self) -> list[str]:
        return sorted({provider for provider, _ in self._keys()})

    def _keys(self) -> Mapping[SecretName, list[str | None]]:
        keys: dict[SecretName, list[str | None]] = defaultdict(list)
        for value in self._environment.values():
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
            f'the secrets of role "{self._role}" cannot be read now; {advice}',
            detail=f"{where}: {error}",
        )

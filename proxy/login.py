"""A role's environment, resolved into the protocol's login: the one place that reveals a secret."""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Mapping

from protocols.api import Event, Login, NeedLogin
from protocols.errors import LoginRejected, Reason, Refusal
from providers.api import SecretVersion
from providers.errors import ProviderError
from providers.reference import Reference
from proxy.audit.events import LoginRetry, SecretRead
from proxy.config import Role
from proxy.secrets import SecretName, SecretReader

_MAX_ATTEMPTS = 2  # far below any lockout


class Logins:
    """One session's logins to one role: the first, and another where upstream refused it."""

    def __init__(self, role: Role, secrets: SecretReader, emit: Callable[[Event], None]) -> None:
        self._role = role
        self._secrets = secrets
        self._emit = emit
        self._tried: list[Login] = []

    async def next(self, need: NeedLogin) -> Login:
        """A login that was not tried yet. Raises `need.rejected` where there is none."""
        rejected = need.rejected
        versions = await self._read_all(fresh=rejected is not None)
        login = self._make(versions)
        if rejected is not None:
            if login in self._tried or len(self._tried) == _MAX_ATTEMPTS:
                raise rejected
            self._retry(rejected, versions)
        self._tried.append(login)
        return login

    def _retry(self, rejected: LoginRejected, versions: Mapping[SecretName, SecretVersion]) -> None:
        names = tuple(version.version for version in versions.values())
        self._emit(LoginRetry(len(self._tried) + 1, rejected.code, names))

    async def _read_all(self, *, fresh: bool) -> Mapping[SecretName, SecretVersion]:
        """Every secret the role refers to, each read once, all at the same time."""
        keys: dict[SecretName, list[str | None]] = defaultdict(list)
        for value in self._role.environment.values():
            if isinstance(value, Reference):
                keys[value.provider, value.secret].append(value.key)
        reads = (self._read(secret, tuple(keys[secret]), fresh=fresh) for secret in keys)
        return dict(zip(keys, await asyncio.gather(*reads), strict=True))

    async def _read(
        self, secret: SecretName, keys: tuple[str | None, ...], *, fresh: bool
    ) -> SecretVersion:
        provider, name = secret
        try:
            read = await self._secrets.read(secret, fresh=fresh)
        except ProviderError as error:
            self._emit(SecretRead(provider, name, keys, "", False, 0.0, str(error)))
            raise self._unavailable(error, f"_{provider}:{name}") from None
        milliseconds = round(read.seconds * 1000, 3)
        version = read.version.version
        self._emit(SecretRead(provider, name, keys, version, read.shared, milliseconds, None))
        return read.version

    def _make(self, versions: Mapping[SecretName, SecretVersion]) -> Login:
        environment = {
            name: self._value(value, versions) for name, value in self._role.environment.items()
        }
        try:
            return self._role.protocol.login(self._role.name, environment, self._role.options)
        except ValueError as error:
            sentence = f'role "{self._role.name}" is not set up correctly; tell its operator'
            raise Refusal(Reason.SECRET_UNAVAILABLE, sentence, detail=str(error)) from None

    def _value(self, value: str | Reference, versions: Mapping[SecretName, SecretVersion]) -> str:
        if isinstance(value, str):
            return value
        try:
            return versions[value.provider, value.secret].value(value.key).reveal()
        except ProviderError as error:
            raise self._unavailable(error, str(value)) from None

    def _unavailable(self, error: ProviderError, where: str) -> Refusal:
        """The client learns the role's name, the operator the rest."""
        advice = "try again" if error.retryable else "tell its operator"
        return Refusal(
            Reason.SECRET_UNAVAILABLE,
            f'the secrets of role "{self._role.name}" cannot be read now; {advice}',
            detail=f"{where}: {error}",
        )

"""The contract of a secrets provider, and the wrapper that every secret wears from its door on."""

import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import ClassVar, NoReturn, Protocol

from providers.errors import KeyNotFound
from providers.reference import Reference


class Secret:
    """A credential that shows itself nowhere: not in repr, str, format, pickle, comparison or copy.

    `reveal()` is called in one place, where `proxy` reads a role's environment.
    """

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        return self._value

    def scrub(self, text: str) -> str:
        """The text without this value in it; one of a letter or two is no secret."""
        return text.replace(self._value, "***") if len(self._value) > 2 else text

    def __repr__(self) -> str:
        return "Secret(***)"

    def __format__(self, spec: str) -> str:
        return repr(self)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and hmac.compare_digest(
            self._value.encode(), other._value.encode()
        )

    def __hash__(self) -> int:
        return hash((Secret, self._value))

    def __reduce__(self) -> NoReturn:
        raise TypeError("a Secret does not leave the process")


class Stage(Enum):
    """Which version of a secret, where a provider keeps several."""

    CURRENT = "current"
    PREVIOUS = "previous"
    PENDING = "pending"


@dataclass(frozen=True, slots=True)
class Lease:
    """How long a secret that was made for one reader lives, in seconds from its being read.

    `id` is the provider's own name for it: not a credential, and enough to revoke it.
    """

    id: str
    seconds: float
    renewable: bool


@dataclass(frozen=True, slots=True)
class SecretVersion:
    """One version of one secret, whole, so that a user name and its password always match.

    `keys` are the fields of a structured secret, `whole` its text where one value is asked for.
    `version` is the provider's own name for it, fit for the audit. With a `lease`, the secret was
    made for this read alone.
    """

    keys: Mapping[str, Secret]
    whole: Secret | None = None
    version: str = ""
    lease: Lease | None = None

    def value(self, key: str | None) -> Secret:
        """The value at `key`, or the whole text where the reference names none.

        Raises KeyNotFound, which tells the operator which keys do exist.
        """
        found = self.whole if key is None else self.keys.get(key)
        if found is None:
            raise KeyNotFound(key, sorted(self.keys))
        return found


class Provider(Protocol):
    """One source of secrets, made once from the proxy's environment variables.

    Reads happen in threads, several at once; `fetch` is told how many seconds it has and keeps to
    them.
    """

    name: ClassVar[str]
    """In references: `_NAME:SECRET:KEY`."""

    settings: ClassVar[tuple[str, ...]]
    """The environment variables that hold its own credentials."""

    stages: ClassVar[tuple[Stage, ...]]
    """What it keeps of a secret beside the current version, in the order to try."""

    makes_secrets: ClassVar[bool]
    """Whether every read makes a new secret: then none is shared, kept or waited for."""

    def __init__(self, environ: Mapping[str, str]) -> None: ...

    @classmethod
    def split(cls, text: str) -> tuple[str, str | None]:
        """Split what follows `_NAME:` into the secret's name and the key in it (None: the whole).

        Raises ValueError with what to write instead.
        """

    def fetch(self, secret: str, timeout: float, stage: Stage = Stage.CURRENT) -> SecretVersion:
        """Read one secret whole, anew. Raises `ProviderError` of the kind that it is;
        SecretNotFound where there is no version at `stage`."""

    def close(self) -> None: ...


class ImmediateProvider(Provider, Protocol):
    """A provider that waits for nothing, not even a disk: it is asked without a thread."""

    immediate: ClassVar[bool]


class LeasingProvider(Provider, Protocol):
    """A provider whose secrets live as long as their lease. `makes_secrets` is True."""

    def renew(self, lease: Lease, timeout: float) -> Lease:
        """Let it live on; the answer tells for how long. Raises ProviderError."""

    def revoke(self, lease_id: str, timeout: float) -> None:
        """End it. A lease that has ended already is no error. Raises ProviderError."""


class CompletingProvider(Provider, Protocol):
    """A provider that makes a credential out of a role's other variables, such as its HOST."""

    @classmethod
    def complete(cls, environment: Mapping[str, str | Reference]) -> Mapping[str, str | Reference]:
        """The environment with what this provider adds to it, before it is checked.

        Raises ValueError with a sentence that begins with a variable's name.
        """

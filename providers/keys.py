"""The keys of a secret: its values that a reference can use, and for each other one, why not.

What a provider's own format makes of a value is not decided here.
"""

from collections.abc import Iterator, Mapping

from providers.api import Secret
from providers.errors import SecretUnreadable


class Keys(Mapping[str, Secret]):
    """Asked for a key that is there and cannot be used, it raises that key's sentence."""

    def __init__(self, secrets: Mapping[str, Secret], problems: Mapping[str, str]) -> None:
        self._secrets = secrets
        self._problems = problems

    def __getitem__(self, key: str) -> Secret:
        if key in self._problems:
            raise SecretUnreadable(self._problems[key])
        return self._secrets[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._secrets)

    def __len__(self) -> int:
        return len(self._secrets)


class NoKeys(Keys):
    """A secret that is one value: asked for any key, it says why there is none."""

    def __init__(self, why: str) -> None:
        super().__init__({}, {})
        self._why = why

    def __getitem__(self, key: str) -> Secret:
        raise SecretUnreadable(self._why)

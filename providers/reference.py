"""The syntax of secret references: `_PROVIDER:SECRET:KEY`, as the specification writes them."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Protocol

_REFERENCE = re.compile(r"_([a-z0-9][a-z0-9_-]*):(.*)", re.DOTALL | re.IGNORECASE)


class Splitter(Protocol):
    """The part of a provider's class that a reference needs."""

    @classmethod
    def split(cls, text: str) -> tuple[str, str | None]: ...


@dataclass(frozen=True, slots=True)
class Reference:
    """Where one value is read from. `key` None stands for the whole secret."""

    provider: str
    secret: str
    key: str | None

    def __str__(self) -> str:
        return f"_{self.provider}:{self.secret}" + (f":{self.key}" if self.key is not None else "")


def parse(value: str, providers: Mapping[str, type[Splitter]]) -> Reference | str:
    """Tell a reference from a literal: `_name:...` is a reference, `__` a literal's underscore.

    Raises ValueError for anything else that begins with an underscore: a misspelt reference must
    never be sent to a server as a password. The text of the error does not repeat the value.
    """
    if not value.startswith("_"):
        return value
    if value.startswith("__"):
        return value[1:]
    match = _REFERENCE.fullmatch(value)
    if match is None:
        raise ValueError(
            "begins with '_' and is not a secret reference; write _PROVIDER:SECRET:KEY, "
            "or double the underscore if the value itself begins with one"
        )
    name, rest = match.groups()
    if name not in providers:
        raise ValueError(_unknown(name, providers))
    secret, key = providers[name].split(rest)
    return Reference(name, secret, key)


def split_at_last_colon(text: str) -> tuple[str, str]:
    """The common form, SECRET:KEY. Raises ValueError with what to write."""
    secret, colon, key = text.rpartition(":")
    if not (secret and colon and key):
        raise ValueError("names no key; write _PROVIDER:SECRET:KEY")
    return secret, key


def _unknown(name: str, providers: Mapping[str, object]) -> str:
    """The name is repeated only where it is nearly a provider's: it may be part of a password."""
    close = get_close_matches(name.lower(), providers, n=1)
    which = f" _{name}:; did you mean _{close[0]}:?" if close else ";"
    known = ", ".join(f"_{known}:" for known in sorted(providers))
    return f"refers to an unknown secrets provider{which} known are {known}"

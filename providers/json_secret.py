"""A secret that is a JSON object, and its keys as values that a reference can use.

The one place where a provider's JSON becomes `Secret`s. No error here repeats any of the text, and
none carries it along: json's exception holds the whole document, so ours is raised after it.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from providers.api import Secret
from providers.errors import SecretUnreadable

LARGEST = 1 << 20  # bytes; what is larger is no credential


class JsonKeys(Mapping[str, Secret]):
    """The keys whose values are text or numbers. Asked for another, it says why that is none."""

    def __init__(self, fields: Mapping[str, object]) -> None:
        problems = {key: _problem(value) for key, value in fields.items()}
        self._secrets = {key: Secret(str(fields[key])) for key, why in problems.items() if not why}
        self._problems = {key: why for key, why in problems.items() if why}

    def __getitem__(self, key: str) -> Secret:
        if key in self._problems:
            raise SecretUnreadable(
                f"the secret's key {key!r} holds {self._problems[key]}; "
                "a reference needs text or a number"
            )
        return self._secrets[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._secrets)

    def __len__(self) -> int:
        return len(self._secrets)


class NoKeys(JsonKeys):
    """A secret that is one value: asked for any key, it says why there is none."""

    def __init__(self, why: str) -> None:
        super().__init__({})
        self._why = why

    def __getitem__(self, key: str) -> Secret:
        raise SecretUnreadable(self._why)


def parse(text: str | bytes) -> Any:
    """JSON with every number as the text it was written as. SecretUnreadable without that text."""
    if len(text) > LARGEST:
        raise SecretUnreadable(f"the secret is larger than {LARGEST} bytes")
    try:
        return json.loads(text, parse_int=str, parse_float=str, parse_constant=_refuse)
    except (ValueError, RecursionError):
        pass
    raise SecretUnreadable("the secret is not JSON")


def keys_of(text: str) -> JsonKeys:
    """The keys of a secret that is the text of a JSON object."""
    fields = parse(text)
    if not isinstance(fields, dict):
        raise SecretUnreadable("the secret is JSON, and not an object with keys")
    return JsonKeys(fields)


def _problem(value: object) -> str:
    match value:
        case str():
            return "" if _is_unicode(value) else "text that is not valid Unicode"
        case bool():
            return "true or false"
        case None:
            return "null"
        case list():
            return "a list"
    return "an object"


def _is_unicode(text: str) -> bool:
    """JSON may name half a surrogate pair, which no protocol can send."""
    return not any("\ud800" <= character <= "\udfff" for character in text)


def _refuse(constant: str) -> None:
    raise ValueError(constant)  # NaN and Infinity: Python reads them, JSON has none

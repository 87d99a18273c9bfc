"""A secret that is a JSON object, and its keys as values that a reference can use.

The one place where a provider's JSON becomes `Secret`s. No error here repeats any of the text, and
none carries it along: json's exception holds the whole document, so ours is raised after it.
"""

import json
from collections.abc import Mapping
from typing import Any

from providers.api import Secret, SecretVersion
from providers.errors import SecretUnreadable
from providers.keys import Keys, NoKeys

LARGEST = 1 << 20  # bytes; what is larger is no credential


class JsonKeys(Keys):
    """The keys whose values are text or numbers."""

    def __init__(self, fields: Mapping[str, object]) -> None:
        problems = {key: _problem(value) for key, value in fields.items()}
        super().__init__(
            {key: Secret(str(fields[key])) for key, what in problems.items() if not what},
            {
                key: f"the secret's key {key!r} holds {what}; a reference needs text or a number"
                for key, what in problems.items()
                if what
            },
        )


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


def object_or_text(text: str, reference: str, version: str) -> SecretVersion:
    """A secret that may be a JSON object or any other text; `reference` refers to it whole."""
    keys: Keys
    try:
        keys = keys_of(text)
    except SecretUnreadable as error:
        keys = NoKeys(f"{error}; write {reference} without a key for its whole text")
    return SecretVersion(keys, Secret(text), version)


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

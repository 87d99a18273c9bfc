"""No event type can hold a secret: their fields are plain values, by their types."""

import sys
import types
from collections.abc import Mapping
from dataclasses import fields
from typing import Any, get_args, get_origin, get_type_hints

import pytest

from protocols.postgres.tap import PostgresQuery
from providers.api import Secret
from proxy.audit import events

_PLAIN = (str, int, float, bool, type(None))
_EVENTS = [
    PostgresQuery,
    *(
        value
        for value in vars(events).values()
        if isinstance(value, type) and value.__module__ == events.__name__
    ),
]


def _is_plain(hint: Any) -> bool:
    origin = get_origin(hint)
    if origin in (types.UnionType, tuple, Mapping):
        return all(part is Ellipsis or _is_plain(part) for part in get_args(hint))
    return hint in _PLAIN


@pytest.mark.parametrize("event", _EVENTS)
def test_a_field_is_a_plain_value(event: type) -> None:
    hints = get_type_hints(event, vars(sys.modules[event.__module__]))
    for field in fields(event):
        assert _is_plain(hints[field.name]), f"{event.__name__}.{field.name}"


@pytest.mark.parametrize("hint", [Secret, Secret | None, dict[str, str], object, bytes])
def test_other_types_are_found(hint: Any) -> None:
    assert not _is_plain(hint)
    assert not _is_plain(tuple[hint, ...])


def test_each_has_a_name_of_its_own() -> None:
    names = [event.name for event in _EVENTS]  # type: ignore[attr-defined]
    assert len(names) >= 7
    assert len(set(names)) == len(names)

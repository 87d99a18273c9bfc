"""No event type can hold a secret: their fields are plain values, by their types.

The types are found by reading every module of ours, so that a new protocol's are read as well.
"""

import sys
import types
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass
from importlib import import_module
from pkgutil import walk_packages
from typing import Any, ClassVar, get_args, get_origin, get_type_hints

import pytest

import protocols
import proxy
from protocols.api import Event
from protocols.postgres.reports import PostgresQuery
from providers.api import Secret, SecretVersion
from proxy.audit import events
from proxy.leases import LeaseName

_PLAIN = (str, int, float, bool, type(None))


def _modules() -> Iterator[types.ModuleType]:
    for package in (protocols, proxy):
        for found in walk_packages(package.__path__, f"{package.__name__}."):
            yield import_module(found.name)


def _is_event(thing: Any) -> bool:
    """A dataclass with a name that is the type's: for any other, `name` is a field or nothing."""
    named = isinstance(thing, type) and isinstance(vars(thing).get("name"), str)
    return named and is_dataclass(thing) and "name" not in {f.name for f in fields(thing)}


_EVENTS: list[type[Event]] = [
    thing
    for module in _modules()
    for thing in vars(module).values()
    if _is_event(thing) and thing.__module__ == module.__name__
]


def _is_plain(hint: Any) -> bool:
    origin = get_origin(hint)
    if origin in (types.UnionType, tuple, Mapping):
        return all(part is Ellipsis or _is_plain(part) for part in get_args(hint))
    return hint in _PLAIN


def _unsafe(event: type) -> list[str]:
    """The fields that could hold something else than plain values."""
    hints = get_type_hints(event, vars(sys.modules[event.__module__]))
    return [name for name, hint in hints.items() if name != "name" and not _is_plain(hint)]


def test_all_are_found() -> None:
    ours = {
        value
        for value in vars(events).values()
        if isinstance(value, type) and value.__module__ == events.__name__
    }
    assert {*ours, PostgresQuery} <= set(_EVENTS)
    assert len(ours) >= 6


@pytest.mark.parametrize("event", _EVENTS)
def test_a_field_is_a_plain_value(event: type[Event]) -> None:
    assert _unsafe(event) == []


@dataclass(frozen=True, slots=True)
class _Nested:
    inner: SecretVersion


@dataclass(frozen=True, slots=True)
class _Planted:
    """What must never be written."""

    name: ClassVar[str] = "planted"
    harmless: Mapping[str, tuple[str | None, ...]]
    lease: LeaseName
    credential: Secret
    perhaps: Secret | None
    several: tuple[str, Secret]
    by_name: Mapping[str, Secret]
    version: SecretVersion
    nested: _Nested
    anything: Any
    some_object: object
    raw: bytes
    loose: Mapping  # type: ignore[type-arg]
    looser: tuple  # type: ignore[type-arg]


def test_a_planted_one_is_found_out() -> None:
    assert _is_event(_Planted)
    harmless = {"harmless", "lease"}
    assert _unsafe(_Planted) == [f.name for f in fields(_Planted) if f.name not in harmless]


def test_each_has_a_name_of_its_own() -> None:
    names = [event.name for event in _EVENTS]
    assert len(names) >= 7
    assert len(set(names)) == len(names)

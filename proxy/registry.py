"""Finds protocols and providers by name: ours and other people's alike, through entry points."""

import logging
from collections.abc import Mapping
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from protocols.api import Kind
from providers.api import Provider

_log = logging.getLogger("keyless.registry")


def protocols() -> Mapping[str, Kind]:
    """Every installed protocol by kind."""
    return _load("keyless.protocols")


def providers() -> Mapping[str, type[Provider]]:
    """Every installed provider's class by the name that references use."""
    return _load("keyless.providers")


@cache
def _load(group: str) -> Mapping[str, Any]:
    """Nobody's package replaces a name of ours, and one that cannot be imported is left out."""
    found: dict[str, Any] = {}
    for point in sorted(entry_points(group=group), key=_is_ours):
        try:
            found[point.name] = point.load()
        except Exception as error:
            package = point.dist.name if point.dist else point.value
            _log.warning("%s of package %s cannot be used: %s", point.name, package, error)
    return found


def _is_ours(point: EntryPoint) -> bool:
    return point.dist is not None and point.dist.name == "keyless"

"""Finds protocols and providers by name: ours and other people's alike, through entry points."""

import logging
from collections import defaultdict
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from protocols.api import Kind
from providers.api import Provider

_log = logging.getLogger("keyless.registry")


def protocols() -> Mapping[str, Kind]:
    """Every installed protocol by kind."""
    return _installed("keyless.protocols")


def providers() -> Mapping[str, type[Provider]]:
    """Every installed provider's class by the name that references use."""
    return _installed("keyless.providers")


class _Installed(Mapping[str, Any]):
    """One group. What is in it is imported when it is asked for, as some of it takes long.

    Nobody's package replaces a name of ours, and one that cannot be imported is left out.
    """

    def __init__(self, group: str) -> None:
        self._points: dict[str, list[EntryPoint]] = defaultdict(list)
        for point in sorted(entry_points(group=group), key=_is_ours):
            self._points[point.name].append(point)
        self._found: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:
        for point in self._points.pop(name, []):  # ours is the last
            if (found := _load(point)) is not None:
                self._found[name] = found
        return self._found[name]

    def __iter__(self) -> Iterator[str]:
        for name in sorted(self._points):
            self.get(name)
        return iter(self._found)

    def __len__(self) -> int:
        return sum(1 for _ in self)


_installed = cache(_Installed)


def _load(point: EntryPoint) -> Any:
    try:
        return point.load()
    except Exception as error:
        package = point.dist.name if point.dist else point.value
        _log.warning("%s of package %s cannot be used: %s", point.name, package, error)
        return None


def _is_ours(point: EntryPoint) -> bool:
    return point.dist is not None and point.dist.name == "keyless"

"""Finds protocols and providers by name: ours and other people's alike, through entry points."""

from collections.abc import Mapping
from functools import cache
from importlib.metadata import entry_points
from typing import Any

from protocols.api import WireProtocol
from providers.api import Provider


def protocols() -> Mapping[str, WireProtocol]:
    """Every installed protocol by kind."""
    return _load("keyless.protocols")


def providers() -> Mapping[str, type[Provider]]:
    """Every installed provider's class by the name that references use."""
    return _load("keyless.providers")


@cache
def _load(group: str) -> Mapping[str, Any]:
    return {point.name: point.load() for point in entry_points(group=group)}

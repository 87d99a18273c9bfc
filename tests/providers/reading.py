"""Reads references as the proxy does: split once, fetched whole, one value taken."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from providers.api import Provider, Secret

PATIENCE = 10.0


def read(provider: Provider, text: str, timeout: float = PATIENCE) -> Secret:
    """What `_NAME:text` refers to."""
    secret, key = type(provider).split(text)
    return provider.fetch(secret, timeout).value(key)


@contextmanager
def lasting(least: float, most: float) -> Iterator[None]:
    """What is inside takes as many seconds."""
    started = time.monotonic()
    yield
    assert least <= time.monotonic() - started <= most

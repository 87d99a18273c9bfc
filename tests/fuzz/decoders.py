"""Decoders of messages: foreign bytes are a ValueError, and others survive unchanged."""

from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from typing import Any

from tests.fuzz.limits import in_time
from tests.fuzz.target import Breach, Checked

_SECONDS, _SECONDS_PER_BYTE = 0.005, 2e-6

Decoders = Mapping[str, Callable[[bytes], tuple[Any, Any]]]
"""By name: a message as it came, and as it is after it was decoded and encoded."""


def check(decoders: Decoders, bodies: Iterable[bytes]) -> Checked:
    decoded, count = [], 0
    for body in bodies:
        bound = _SECONDS + _SECONDS_PER_BYTE * len(body)
        decoded += in_time(lambda body=body: _decode(decoders, body), bound)  # type: ignore[misc]
        count += 1
    return Checked(count, tuple(decoded))


def _decode(decoders: Decoders, body: bytes) -> list[str]:
    """The names of those that take it for theirs."""
    takers = []
    for name, survive in decoders.items():
        with suppress(ValueError):
            before, after = survive(body)
            takers.append(name)
            if before != after:
                raise Breach(f"{name} {before!r} becomes {after!r}")
    return takers

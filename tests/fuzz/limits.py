"""Bounds on what a parser takes: time by the processor's clock, memory by what is reachable.

A busy machine is no breach: time that others had does not count, and what took too long is tried
again.
"""

import gc
import signal
import sys
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from types import (
    BuiltinFunctionType,
    FrameType,
    FunctionType,
    MethodType,
    ModuleType,
    TracebackType,
)
from typing import TypeVar

from tests.fuzz.target import Breach

_ENDLESS = 30.0  # seconds of processor time
_PAGE = 4_096
_TRIES = 3
_CODE = (type, ModuleType, FunctionType, BuiltinFunctionType, MethodType, FrameType, TracebackType)
T = TypeVar("T")

_patience = ContextVar("patience", default=1.0)


def in_time(work: Callable[[], T], seconds: float) -> T:
    """Do what can be done again and again. Breach: it never took less than this."""
    fastest, seconds = float("inf"), seconds * _patience.get()
    for _ in range(_TRIES):
        begun = time.process_time()
        result = work()
        fastest = min(fastest, time.process_time() - begun)
        if fastest <= seconds:
            return result
    raise Breach(f"took {fastest:.3f} s, more than {seconds:.3f}")


@contextmanager
def slowed(times: float) -> Iterator[None]:
    """Every bound on time is as many times as long: something else takes time within."""
    token = _patience.set(_patience.get() * times)
    try:
        yield
    finally:
        _patience.reset(token)


@contextmanager
def ending() -> Iterator[None]:
    """Breach where what is done within seems to have no end."""
    seconds = _ENDLESS * _patience.get()

    def interrupt(*_: object) -> None:
        raise Breach(f"did not end within {seconds:g} s")

    before = signal.signal(signal.SIGVTALRM, interrupt)
    signal.setitimer(signal.ITIMER_VIRTUAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)


def weigh(thing: object) -> int:
    """Bytes of all that is kept alive by it, alone or with others; code is not counted."""
    return sum(map(sys.getsizeof, _reachable(thing)))


def largest(thing: object) -> int:
    """Entries of the largest collection that is kept alive by it."""
    collections = (found for found in _reachable(thing) if isinstance(found, Collection))
    return max(
        (len(found) for found in collections if not isinstance(found, str | bytes)), default=0
    )


def _reachable(thing: object) -> Iterator[object]:
    seen: set[int] = set()
    waiting = [thing]
    while waiting:
        found = waiting.pop()
        if id(found) not in seen and not isinstance(found, _CODE):
            seen.add(id(found))
            yield found
            waiting.extend(gc.get_referents(found))
            waiting.extend(_text_of_compiled(found))
            if isinstance(found, dict):  # strings as keys are no referents
                waiting.extend(found)


def _text_of_compiled(thing: object) -> list[object]:
    """Strings and bytes of an extension type, which are no referents: as it would tell them to be
    copied."""
    copied = getattr(thing, "__reduce_cython__", None)
    if copied is None or isinstance(thing, type):
        return []
    fields = [field for part in copied()[1:] if part for field in part]
    state = [text for field in fields if isinstance(field, tuple) for text in field]
    return [text for text in (*fields, *state) if isinstance(text, str | bytes | bytearray)]


def resident() -> int:
    """Bytes of this process that are in memory."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * _PAGE

"""The event loop of a process: our own where there is epoll, else uvloop's or Python's."""

import asyncio
import select
from asyncio import AbstractEventLoop
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


def new_event_loop() -> AbstractEventLoop:
    if hasattr(select, "epoll"):
        from proxy.readiness import RelayLoop  # noqa: PLC0415

        return RelayLoop()
    try:
        import uvloop  # noqa: PLC0415
    except ImportError:
        return asyncio.new_event_loop()
    return uvloop.new_event_loop()


def run(main: Coroutine[Any, Any, T]) -> T:
    """Run to the end, in a new loop."""
    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        return runner.run(main)

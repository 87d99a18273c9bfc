"""Threads that move bytes between a command and our own streams, each for one direction.

`over` becomes readable when the command has ended. What its background children still have to say
after that is not waited for.
"""

import os
import select
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress

from proxy.commands.mask import Mask

_CHUNK = 65_536


class Pump(threading.Thread):
    """Begins with `start`, if at all."""

    def __init__(self, work: Callable[[], None]) -> None:
        super().__init__(target=work, name="keyless-pump", daemon=True)

    def end(self) -> None:
        if self.ident is not None:
            self.join()


def show(source: int, over: int, target: int, mask: Mask) -> None:
    """What a command says. If nobody reads it any more, the command is told as it would be."""
    with suppress(OSError):
        for chunk in _chunks(source, over):
            _write(target, mask.feed(chunk))
        _write(target, mask.end())
    os.close(source)


def hand_on(source: int, over: int, target: int) -> None:
    """Keys, for as long as the command runs: those after that are for the shell."""
    poll = _poll(source, over)
    with suppress(OSError):
        while over not in dict(poll.poll()) and (keys := os.read(source, _CHUNK)):
            _write(target, keys)


def _chunks(source: int, over: int) -> Iterator[bytes]:
    """All that was written before the command ended."""
    poll = _poll(source, over)
    while source in dict(poll.poll()):
        try:
            chunk = os.read(source, _CHUNK)
        except OSError:  # of a terminal that nobody has open any more
            return
        if not chunk:
            return
        yield chunk


def _poll(*descriptors: int) -> select.poll:
    poll = select.poll()
    for descriptor in descriptors:
        poll.register(descriptor, select.POLLIN)
    return poll


def _write(target: int, data: bytes) -> None:
    """All of it; others may have made our output one that does not block."""
    while data:
        try:
            data = data[os.write(target, data) :]
        except BlockingIOError:
            select.select([], [target], [])

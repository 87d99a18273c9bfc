"""Tells who watches a socket that it can be read or written: the sockets of all relays together.

They have an epoll of their own, which the event loop watches as it does any descriptor: one call
from the loop then serves every socket that is ready, and none is registered with the loop itself.
Where there is no epoll, the loop does it all.
"""

import asyncio
import select

_AT_ONCE = 64  # sockets
_ROUNDS = 8  # before the loop has its turn again
_IN, _OUT = 1, 4  # of epoll


class Watcher:
    """Is told. What it raises is a bug, and the event loop's to report."""

    def readable(self) -> None: ...

    def writable(self) -> None: ...


class Readiness:
    """One event loop's. A descriptor has one watcher for reading and one for writing, and is left
    by both before it is closed."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()

    def close(self) -> None:
        """Nobody watches any more."""

    def watch_reading(self, descriptor: int, watcher: Watcher) -> None:
        self._loop.add_reader(descriptor, watcher.readable)

    def watch_writing(self, descriptor: int, watcher: Watcher) -> None:
        self._loop.add_writer(descriptor, watcher.writable)

    def leave_reading(self, descriptor: int) -> None:
        self._loop.remove_reader(descriptor)

    def leave_writing(self, descriptor: int) -> None:
        self._loop.remove_writer(descriptor)


class EpollReadiness(Readiness):
    """With an epoll of its own."""

    def __init__(self) -> None:
        super().__init__()
        self._readers: dict[int, Watcher] = {}
        self._writers: dict[int, Watcher] = {}
        self._epoll = select.epoll()
        self._loop.add_reader(self._epoll.fileno(), self._serve)

    def close(self) -> None:
        self._loop.remove_reader(self._epoll.fileno())
        self._epoll.close()

    def watch_reading(self, descriptor: int, watcher: Watcher) -> None:
        known = descriptor in self._readers or descriptor in self._writers
        self._readers[descriptor] = watcher
        self._register(descriptor, known)

    def watch_writing(self, descriptor: int, watcher: Watcher) -> None:
        known = descriptor in self._readers or descriptor in self._writers
        self._writers[descriptor] = watcher
        self._register(descriptor, known)

    def leave_reading(self, descriptor: int) -> None:
        if self._readers.pop(descriptor, None) is not None:
            self._register(descriptor, True)

    def leave_writing(self, descriptor: int) -> None:
        if self._writers.pop(descriptor, None) is not None:
            self._register(descriptor, True)

    def _register(self, descriptor: int, known: bool) -> None:
        reads, writes = descriptor in self._readers, descriptor in self._writers
        if reads or writes:
            events = _IN * reads | _OUT * writes
            (self._epoll.modify if known else self._epoll.register)(descriptor, events)
        else:
            self._epoll.unregister(descriptor)

    def _serve(self) -> None:
        for _ in range(_ROUNDS):
            ready = self._epoll.poll(0, _AT_ONCE)
            if not ready:
                return
            for descriptor, events in ready:
                self._tell(descriptor, events)

    def _tell(self, descriptor: int, events: int) -> None:
        """An end or an error, which epoll tells unasked, is for whoever watches."""
        reader = self._readers.get(descriptor)
        if reader is not None and events != _OUT:
            reader.readable()
        writer = self._writers.get(descriptor)
        if writer is not None and events != _IN:
            writer.writable()


def readiness() -> Readiness:
    """The fastest that this system has, for the running loop."""
    return EpollReadiness() if hasattr(select, "epoll") else Readiness()

"""Tells who watches a socket that it can be read or written: the sockets of all relays.

Where there is epoll, they are served within the one call in which the event loop waits for whatever
happens. The loop itself has its turn only when something happens that is its own, for a turn of it
costs as much as relaying a chunk.
"""

import asyncio
import select
from asyncio import SelectorEventLoop
from selectors import EVENT_READ, EVENT_WRITE, SelectorKey

from proxy.syscalls import Found, now

try:
    from selectors import EpollSelector
except ImportError:  # then nobody makes a RelaySelector either
    from selectors import SelectSelector as EpollSelector  # type: ignore[assignment]

_IN, _OUT = 1, 4  # of epoll
_FOREVER = -1


class Watcher:
    """Is told. What it raises is a bug, which the event loop reports; it keeps nobody else from
    being told."""

    def readable(self) -> None: ...

    def writable(self) -> None: ...


class Readiness:
    """One event loop's. A descriptor has one watcher for reading and one for writing, and is left
    by both before it is closed."""

    def watch_reading(self, descriptor: int, watcher: Watcher) -> None:
        asyncio.get_running_loop().add_reader(descriptor, watcher.readable)

    def watch_writing(self, descriptor: int, watcher: Watcher) -> None:
        asyncio.get_running_loop().add_writer(descriptor, watcher.writable)

    def leave_reading(self, descriptor: int) -> None:
        asyncio.get_running_loop().remove_reader(descriptor)

    def leave_writing(self, descriptor: int) -> None:
        asyncio.get_running_loop().remove_writer(descriptor)


class EpollReadiness(Readiness):
    """By the epoll that the event loop waits with."""

    def __init__(self, epoll: "select.epoll") -> None:
        self._epoll = epoll
        self._found = Found(epoll)
        self._readers: list[Watcher | None] = []  # by descriptor
        self._writers: list[Watcher | None] = []
        self._loop: asyncio.AbstractEventLoop | None = None

    def attend(self, loop: asyncio.AbstractEventLoop) -> None:
        """Serve beside this loop."""
        self._loop = loop

    def watch_reading(self, descriptor: int, watcher: Watcher) -> None:
        known = self._watched(descriptor)
        self._readers[descriptor] = watcher
        self._register(descriptor, known)

    def watch_writing(self, descriptor: int, watcher: Watcher) -> None:
        known = self._watched(descriptor)
        self._writers[descriptor] = watcher
        self._register(descriptor, known)

    def leave_reading(self, descriptor: int) -> None:
        if self._watched(descriptor) and self._readers[descriptor] is not None:
            self._readers[descriptor] = None
            self._register(descriptor, True)

    def leave_writing(self, descriptor: int) -> None:
        if self._watched(descriptor) and self._writers[descriptor] is not None:
            self._writers[descriptor] = None
            self._register(descriptor, True)

    def serve(self, timeout: float) -> list[tuple[int, int]]:
        """Wait so many seconds, or for ever if they are negative, for events that are the event
        loop's own: returned as descriptors with what epoll says of them. Watchers are told of
        theirs meanwhile; if that gives the loop something to do, nothing more is waited for."""
        others: list[tuple[int, int]] = []
        until = now() + timeout
        left = timeout
        while True:
            timers = self._timers()
            for number in range(self._found.wait(left)):
                descriptor, events = self._found.descriptor(number), self._found.events(number)
                if not self._watched(descriptor):
                    others.append((descriptor, events))
                    continue
                try:
                    self._tell(descriptor, events)
                except Exception as bug:
                    self._report(bug)
            if others or self._has_work(timers):
                return others
            if timeout >= 0 and (left := until - now()) <= 0:
                return others

    def _tell(self, descriptor: int, events: int) -> None:
        """An end or an error, which epoll tells unasked, is for whoever watches."""
        reader, writer = self._readers[descriptor], self._writers[descriptor]
        if reader is not None and events != _OUT:
            reader.readable()
            writer = self._writers[descriptor]  # as it is now
        if writer is not None and events != _IN:
            writer.writable()

    def _report(self, bug: Exception) -> None:
        assert self._loop is not None
        self._loop.call_exception_handler({"message": "a relay failed", "exception": bug})

    def _watched(self, descriptor: int) -> bool:
        while descriptor >= len(self._readers):
            self._readers.append(None)
            self._writers.append(None)
        return self._readers[descriptor] is not None or self._writers[descriptor] is not None

    def _register(self, descriptor: int, known: bool) -> None:
        reads = self._readers[descriptor] is not None
        writes = self._writers[descriptor] is not None
        if reads or writes:
            events = _IN * reads | _OUT * writes
            (self._epoll.modify if known else self._epoll.register)(descriptor, events)
        else:
            self._epoll.unregister(descriptor)

    def _timers(self) -> int:
        """How many the loop has: one more is one that it does not know when it waits."""
        return len(self._loop._scheduled)  # type: ignore[union-attr]

    def _has_work(self, timers: int) -> bool:
        return bool(self._loop._ready) or self._timers() != timers  # type: ignore[union-attr]


class RelaySelector(EpollSelector):
    """The event loop's, in whose `select` the relays run."""

    def __init__(self) -> None:
        super().__init__()
        self.readiness = EpollReadiness(self._selector)  # type: ignore[attr-defined]

    def select(self, timeout: float | None = None) -> list[tuple[SelectorKey, int]]:
        """None: without end."""
        ready = []
        keys = self._fd_to_key  # type: ignore[attr-defined]
        for descriptor, events in self.readiness.serve(
            _FOREVER if timeout is None else max(0.0, timeout)
        ):
            if key := keys.get(descriptor):
                wanted = EVENT_READ * (events != _OUT) | EVENT_WRITE * (events != _IN)
                ready.append((key, wanted & key.events))
        return ready


class RelayLoop(SelectorEventLoop):
    """Python's own event loop, with that selector."""

    def __init__(self) -> None:
        selector = RelaySelector()
        super().__init__(selector)
        self.readiness = selector.readiness
        self.readiness.attend(self)


def readiness() -> Readiness:
    """The fastest that the running loop has."""
    loop = asyncio.get_running_loop()
    return loop.readiness if isinstance(loop, RelayLoop) else Readiness()

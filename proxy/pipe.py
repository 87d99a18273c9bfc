"""The hot path: moves one direction's bytes, and shows them to the tap.

Callbacks on raw sockets, no task or lock or allocation per chunk that is not needed: measured,
streams cost three times the CPU of this.
"""

import asyncio
from collections.abc import Callable
from typing import Protocol

from protocols.api import Chunk, Side
from proxy.legs import Leg
from proxy.observer import Observer
from proxy.readiness import Watcher

_FAILED = memoryview(b"")  # and no other empty chunk
Decide = Callable[[Chunk], Chunk]


class Ends(Protocol):
    """Who hears of a direction's end."""

    def ended(self, side: Side) -> None: ...

    def unreadable(self, side: Side, error: OSError) -> None: ...

    def unwritable(self, side: Side, error: OSError) -> None: ...

    def unauditable(self, fault: Exception) -> None: ...


class Pipe(Watcher):
    """One direction; tells the relay of whatever is not plain moving.

    It is not read for while its sink is `blocked`, or while it is `held` because the tap is full.
    What the client sends is observed first, which may stop the session; upstream's bytes are sent
    first, and nobody waits for the audit of them. With `decide`, what
    goes on is what it makes of them, and the tap is on the client's side of it.
    """

    __slots__ = (
        "_decide",
        "_from",
        "_from_client",
        "_observer",
        "_relay",
        "_sink",
        "_source",
        "_to",
        "blocked",
        "held",
        "moved",
        "stopped",
    )

    def __init__(
        self,
        relay: Ends,
        ends: tuple[Side, Side],
        legs: tuple[Leg, Leg],
        observer: Observer,
        decide: Decide | None,
    ) -> None:
        self._relay = relay
        self._from, self._to = ends
        self._source, self._sink = legs
        self._observer = observer
        self._from_client = self._from is Side.CLIENT
        self._decide = decide
        self.blocked = False
        self.held = False
        self.stopped = False
        self.moved = 0

    def start(self, first: bytes) -> None:
        """Begin, with what the handshake read too much."""
        self._source.watch_reading(self)
        if (not first or self._move(first)) and self._source.pending():
            asyncio.get_running_loop().call_soon(self.readable)

    def stop(self) -> None:
        if self.stopped:  # the descriptors may be somebody else's by now
            return
        self.stopped = True
        self._source.leave_reading()
        self._sink.leave_writing()

    def hold(self) -> None:
        """Read no more until `go_on`."""
        self.held = True
        self._source.leave_reading()

    def go_on(self) -> None:
        self.held = False
        self._read_again()

    def _read_again(self) -> None:
        if self.blocked or self.held or self.stopped:
            return
        self._source.watch_reading(self)
        if self._source.pending():
            asyncio.get_running_loop().call_soon(self.readable)

    def readable(self) -> None:
        while not self.stopped:
            try:
                chunk = self._source.receive()
            except OSError as error:
                self._relay.unreadable(self._from, error)
                return
            if chunk is None:
                return
            if not chunk:
                self._source.leave_reading()
                self._relay.ended(self._from)
                return
            if not self._move(chunk) or not self._source.pending():
                return

    def _move(self, chunk: bytes) -> bool:
        """Whether to read on."""
        self.moved += len(chunk)
        if self._from_client:
            self._observer.client_sent(chunk)
            if self.stopped:  # for what it saw
                return False
        goes_on: Chunk = chunk
        if self._decide is not None and (goes_on := self._decided(chunk)) is _FAILED:
            return False
        try:
            if not self._sink.send(goes_on):
                self.blocked = True
                self._source.leave_reading()
                self._sink.watch_writing(self)
        except OSError as error:
            self._relay.unwritable(self._to, error)
            return False
        if not self._from_client:
            self._observer.upstream_sent(goes_on)
        return not (self.blocked or self.held or self.stopped)

    def _decided(self, chunk: Chunk) -> Chunk:
        try:
            assert self._decide is not None
            return self._decide(chunk)
        except Exception as fault:
            self._relay.unauditable(fault)
            return _FAILED

    def writable(self) -> None:
        try:
            if not self._sink.flush():
                return
        except OSError as error:
            self._relay.unwritable(self._to, error)
            return
        self._sink.leave_writing()
        self.blocked = False
        self._read_again()

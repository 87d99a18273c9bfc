"""One spare: a connection that upstream has let in, and that waits for a client.

Whatever upstream says while it waits makes it unfit, its end as well: no client would be told of it
as it would be of its own.
"""

import asyncio
import select
import socket
from collections.abc import Callable
from contextlib import suppress
from secrets import token_hex

from proxy.driver import LoggedIn
from proxy.readiness import Readiness, Watcher

_CHUNK = 65_536


class Spare(Watcher):
    """It waits from now on, until it is taken or ended. `ended` is told of its end and why, unless
    it is taken."""

    def __init__(
        self,
        logged_in: LoggedIn,
        farewell: bytes,
        readiness: Readiness,
        seconds: float,
        ended: Callable[["Spare", str], None],
    ) -> None:
        self.id = token_hex(8)
        self._logged_in = logged_in
        self._farewell = farewell
        self._readiness = readiness
        self._ended = ended
        self._waits = True
        readiness.watch_reading(self._socket.fileno(), self)
        self._timer = asyncio.get_running_loop().call_later(seconds, self.end, "age")

    def take(self) -> LoggedIn | None:
        """It is the caller's now, and nobody else's. None: it is no more."""
        if self._waits and self._has_heard():
            self.readable()
        if not self._waits:
            return None
        self._leave()
        return self._logged_in

    def readable(self) -> None:
        with suppress(OSError):  # what is not read would break the connection, farewell and all
            self._socket.recv(_CHUNK)
        self.end("upstream")

    def end(self, why: str) -> None:
        """Take leave of upstream: `age`, `upstream`, `rejected`, `rotation`, `room`, `shutdown`."""
        if self._waits:
            self._leave()
            self._logged_in.connection.close(self._farewell)
            self._ended(self, why)

    def _has_heard(self) -> bool:
        """Whether something has come that the loop has not told of yet."""
        poll = select.poll()
        poll.register(self._socket, select.POLLIN)
        return bool(poll.poll(0))

    def _leave(self) -> None:
        self._waits = False
        self._timer.cancel()
        self._readiness.leave_reading(self._socket.fileno())

    @property
    def _socket(self) -> socket.socket:
        return self._logged_in.connection.socket

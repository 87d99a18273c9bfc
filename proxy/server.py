"""The running proxy: all roles' listeners, all sessions, from start to an orderly end."""

import asyncio
import logging
import os
import socket
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress

from protocols.api import Endpoint
from protocols.errors import Reason, Refusal
from proxy.addresses import bindable
from proxy.config import Config
from proxy.doors import Door, doors
from proxy.listener import Listener, ListenError
from proxy.metrics import serve
from proxy.services import Common, open_services
from proxy.session import Session

_log = logging.getLogger("keyless.server")
_LAST_WORDS_SECONDS = 2.0  # for sessions that were told to end
_SILENT_SECONDS = 1.0  # for clients that are connected to say what they want, and be told
_LOOK_AGAIN_SECONDS = 0.1  # for sessions that have become idle
_LONGEST_LOOK_SECONDS = 10.0  # between two looks for sessions that are idle too long


class Server:
    """One process's proxy, made inside its event loop. Raises AuditError."""

    def __init__(
        self,
        config: Config,
        environ: Mapping[str, str] = os.environ,
        common: Common | None = None,
    ) -> None:
        self._config = config
        self.services = open_services(config, environ, common)
        self.services.audit.on_failure = self._stop_all
        self._listeners: list[Listener] = []
        self._sessions: dict[asyncio.Task[None], Session] = {}
        self._chores: list[asyncio.Task[None]] = []

    def start(self) -> Sequence[tuple[Door, Endpoint]]:
        """Open every listener of the file, or none. Returns where each is, with what is behind it.
        Raises ListenError."""
        try:
            if self._config.metrics.listen is not None:
                serve(self.services.metrics.registry, self._config.metrics.listen)
            listening = [(door, self.listen(door, where)) for door, where in doors(self._config)]
        except ListenError:
            self._close_listeners()
            raise
        self.begin()
        return listening

    def begin(self) -> None:
        """Look after leases and idle sessions, whoever listens."""
        self._chores.append(asyncio.create_task(self.services.leases.recover()))
        if self._config.timeouts.idle:
            self._chores.append(asyncio.create_task(self._stop_idle(self._config.timeouts.idle)))

    def listen(self, door: Door, endpoint: Endpoint) -> Endpoint:
        """Open one listener. Returns where it is, with the port that was chosen for 0."""
        listener = Listener(
            bindable(endpoint, door.protocol), lambda accepted: self.accept(door, accepted)
        )
        self._listeners.append(listener)
        return listener.endpoint

    def accept(self, door: Door, accepted: socket.socket) -> asyncio.Task[None]:
        """Make a session of a connection; it is over when the task is."""
        session = Session(self.services, door, accepted)
        task = asyncio.create_task(session.run())
        self._sessions[task] = session
        task.add_done_callback(self._over)
        return task

    async def stop(self, *, at_once: bool = False) -> None:
        """Take no more connections, end idle sessions, give the others time, then end them too."""
        self._close_listeners()
        goodbye = Refusal(Reason.SHUTTING_DOWN, "the proxy is shutting down")
        with suppress(TimeoutError):
            async with asyncio.timeout(0 if at_once else self._config.timeouts.shutdown):
                await self._stop_when_idle(goodbye)
        self._stop_all(goodbye)
        await self._wait(_LAST_WORDS_SECONDS)
        for task in self._sessions:
            task.cancel()
        await self._wait(_LAST_WORDS_SECONDS)
        for chore in self._chores:
            chore.cancel()
        await self.services.close()

    async def _stop_when_idle(self, refusal: Refusal) -> None:
        until = time.monotonic() + _SILENT_SECONDS
        while self._sessions:
            for task, session in list(self._sessions.items()):
                if session.idle:
                    session.stop(refusal)
                elif not session.admitted and time.monotonic() > until:
                    task.cancel()
            await self._wait(_LOOK_AGAIN_SECONDS)

    async def _stop_idle(self, seconds: float) -> None:
        refusal = Refusal(Reason.IDLE, f"the session was idle for {seconds:g} s")
        while True:
            await asyncio.sleep(min(seconds / 10, _LONGEST_LOOK_SECONDS))
            for session in list(self._sessions.values()):
                if session.has_been_idle(seconds):
                    session.stop(refusal)

    async def _wait(self, seconds: float) -> None:
        if self._sessions:
            await asyncio.wait(self._sessions, timeout=seconds)

    def _over(self, task: asyncio.Task[None]) -> None:
        del self._sessions[task]

    def _stop_all(self, refusal: Refusal) -> None:
        for session in list(self._sessions.values()):
            session.stop(refusal)

    def _close_listeners(self) -> None:
        for listener in self._listeners:
            listener.close()
        self._listeners.clear()

"""The running proxy: all roles' listeners, all sessions, from start to an orderly end."""

import asyncio
import logging
import os
import socket
import time
from collections.abc import Mapping
from contextlib import suppress

from protocols.api import Endpoint, UnixEndpoint
from protocols.errors import Reason, Refusal
from proxy.config import Config, Role
from proxy.listener import Listener, ListenError
from proxy.services import open_services
from proxy.session import Session
from proxy.tls import server_context

_log = logging.getLogger("keyless.server")
_LAST_WORDS_SECONDS = 2.0  # for sessions that were told to end
_SILENT_SECONDS = 1.0  # for clients that are connected to say what they want, and be told
_LOOK_AGAIN_SECONDS = 0.1  # for sessions that have become idle


class Server:
    """One process's proxy, made inside its event loop."""

    def __init__(self, config: Config, environ: Mapping[str, str] = os.environ) -> None:
        self._config = config
        self._services = open_services(config, environ)
        self._services.audit.on_failure = self._stop_all
        self._listeners: dict[str, Listener] = {}
        self._sessions: dict[asyncio.Task[None], Session] = {}
        self._recovery: asyncio.Task[None] | None = None

    def start(self) -> Mapping[str, Endpoint]:
        """Open every role's listener, or none. Returns where each role is. Raises ListenError."""
        server_context()  # the certificate is made before anybody waits for it
        try:
            if self._config.metrics.listen is not None:
                self._services.metrics.serve(self._config.metrics.listen)
            for role in self._config.roles.values():
                if role.listen is not None:
                    self.listen(role, role.listen)
        except ListenError:
            self._close_listeners()
            raise
        self._recovery = asyncio.create_task(self._services.leases.recover())
        return {name: listener.endpoint for name, listener in self._listeners.items()}

    def listen(self, role: Role, endpoint: Endpoint) -> Endpoint:
        """Open one role's listener. Returns where it is, with the port that was chosen for 0."""
        if isinstance(endpoint, UnixEndpoint):
            endpoint = UnixEndpoint(role.protocol.socket_path(endpoint.path))
        listener = Listener(endpoint, lambda accepted: self._accepted(role, accepted))
        self._listeners[role.name] = listener
        return listener.endpoint

    async def stop(self) -> None:
        """Take no more connections, end idle sessions, give the others time, then end them too."""
        self._close_listeners()
        goodbye = Refusal(Reason.SHUTTING_DOWN, "the proxy is shutting down")
        with suppress(TimeoutError):
            async with asyncio.timeout(self._config.timeouts.shutdown):
                await self._stop_when_idle(goodbye)
        self._stop_all(goodbye)
        await self._wait(_LAST_WORDS_SECONDS)
        for task in self._sessions:
            task.cancel()
        await self._wait(_LAST_WORDS_SECONDS)
        if self._recovery is not None:
            self._recovery.cancel()
        await self._services.close()

    async def _stop_when_idle(self, refusal: Refusal) -> None:
        until = time.monotonic() + _SILENT_SECONDS
        while self._sessions:
            for task, session in list(self._sessions.items()):
                if session.idle:
                    session.stop(refusal)
                elif not session.admitted and time.monotonic() > until:
                    task.cancel()
            await self._wait(_LOOK_AGAIN_SECONDS)

    async def _wait(self, seconds: float) -> None:
        if self._sessions:
            await asyncio.wait(self._sessions, timeout=seconds)

    def _accepted(self, role: Role, accepted: socket.socket) -> None:
        session = Session(self._services, role, accepted)
        task = asyncio.create_task(session.run())
        self._sessions[task] = session
        task.add_done_callback(self._over)

    def _over(self, task: asyncio.Task[None]) -> None:
        del self._sessions[task]

    def _stop_all(self, refusal: Refusal) -> None:
        for session in list(self._sessions.values()):
            session.stop(refusal)

    def _close_listeners(self) -> None:
        for listener in self._listeners.values():
            listener.close()
        self._listeners.clear()

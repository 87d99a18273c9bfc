"""A worker: has the sessions of the connections that its parent hands to it, until the parent says
that it is over, or is no more.
"""

import asyncio
import logging
import socket
import struct
from collections.abc import Container

from prometheus_client import generate_latest

from proxy.audit.log import AuditError
from proxy.config import Config
from proxy.doors import doors
from proxy.server import Server
from proxy.services import Common
from proxy.workers.briefing import Briefing
from proxy.workers.channel import Channel, Topic
from proxy.workers.page import Page, SharedEnd, SharedPlaces

DOOR = struct.Struct("!H")
YES = b"\1"
_LONGER = 2.0  # seconds that others have for a cancel request beyond those that upstream has
_log = logging.getLogger("keyless.worker")


class Worker:
    """One process's, in its running loop; a channel's hearer."""

    def __init__(self, config: Config, briefing: Briefing, end: socket.socket, page: Page) -> None:
        self._config = config
        self._number = briefing.worker
        self._page = page
        self._doors = [door for door, _ in doors(config)]
        self._over = asyncio.Event()
        self._orphaned = False
        self._channel = Channel(end, self)
        self._common = Common(
            SharedPlaces(config.limits.sessions, page, briefing.worker),
            SharedEnd(page),
            briefing.identity,
            self._cancel_elsewhere,
        )

    async def run(self) -> None:
        try:
            self._server = Server(self._config, common=self._common)
        except AuditError as error:
            self._channel.tell(Topic.FAILED, str(error).encode())
            return
        self._server.begin()
        self._channel.tell(Topic.READY)
        await self._over.wait()
        if self._orphaned:
            _log.error("worker %d: the proxy it works for is gone, so it ends", self._number + 1)
        await self._server.stop(at_once=self._orphaned)

    def told(self, topic: Topic, body: bytes, brought: socket.socket | None) -> None:
        match topic:
            case Topic.CONNECTION if brought is not None:
                door = self._doors[DOOR.unpack(body)[0]]
                self._server.accept(door, brought).add_done_callback(self._one_is_over)
            case Topic.CONNECTION:
                _log.warning("worker %d: no file descriptor left for a client", self._number + 1)
                self._page.one_is_over(self._number)
            case Topic.STOP:
                self._over.set()

    async def asked(self, topic: Topic, body: bytes) -> bytes:
        match topic:
            case Topic.CANCEL:
                roles = self._doors[DOOR.unpack_from(body)[0]].roles
                known = await self._server.services.cancels.cancel_here(body[DOOR.size :], roles)
                return YES if known else b""
            case Topic.METRICS:
                return generate_latest(self._server.services.metrics.registry)
        return b""

    def left_alone(self) -> None:
        self._orphaned = True
        self._over.set()

    async def _cancel_elsewhere(self, key: bytes, roles: Container[str]) -> bool:
        """By the parent, who asks the others. They know this process's doors by their numbers."""
        number = next(n for n, door in enumerate(self._doors) if door.roles is roles)
        seconds = self._config.timeouts.upstream + _LONGER
        answer = await self._channel.ask(Topic.CANCEL, DOOR.pack(number) + key, seconds)
        return answer == YES

    def _one_is_over(self, _: object) -> None:
        self._page.one_is_over(self._number)

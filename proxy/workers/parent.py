"""The parent: listens, hands every connection to the worker that has the fewest, carries what one
worker asks of the others, and sums up their numbers.
"""

import asyncio
import socket
from collections.abc import Sequence
from functools import partial

from prometheus_client import CollectorRegistry

from protocols.api import Endpoint
from proxy.addresses import bindable
from proxy.config import Config
from proxy.doors import Door, doors
from proxy.listener import Listener, ListenError
from proxy.metrics import serve
from proxy.workers.channel import Topic
from proxy.workers.crew import Crew
from proxy.workers.hand import Hand
from proxy.workers.sums import Sums
from proxy.workers.worker import DOOR, YES

_LONGER = 1.0  # seconds that a worker has for a cancel request beyond those that upstream has


class Parent:
    """Made inside its event loop."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._crew = Crew(config, self._answer, self._give_what_waits)
        self._listeners: list[Listener] = []
        self._waiting: list[tuple[bytes, socket.socket]] = []  # while nobody is at work

    async def start(self) -> Sequence[tuple[Door, Endpoint]]:
        """Start every worker, then open every listener of the file, or none. Returns where each is,
        with what is behind it. Raises WorkerFailed and ListenError."""
        await self._crew.start()
        try:
            if self._config.metrics.listen is not None:
                registry = CollectorRegistry()
                registry.register(Sums(self._crew))
                serve(registry, self._config.metrics.listen)
            return [
                (door, self._listen(DOOR.pack(number), door, endpoint))
                for number, (door, endpoint) in enumerate(doors(self._config))
            ]
        except ListenError:
            await self.stop()
            raise

    async def stop(self) -> bool:
        """Take no more connections, and have the workers end. Returns whether all did in order."""
        for listener in self._listeners:
            listener.close()
        for _, connection in self._waiting:
            connection.close()
        self._waiting.clear()
        return await self._crew.stop()

    def _listen(self, number: bytes, door: Door, endpoint: Endpoint) -> Endpoint:
        listener = Listener(bindable(endpoint, door.protocol), partial(self._accepted, number))
        self._listeners.append(listener)
        return listener.endpoint

    def _accepted(self, door: bytes, connection: socket.socket) -> None:
        hand = self._crew.least()
        if hand is None:
            self._waiting.append((door, connection))
        else:
            hand.give(connection, door)

    def _give_what_waits(self) -> None:
        waiting, self._waiting = self._waiting, []
        for door, connection in waiting:
            self._accepted(door, connection)

    async def _answer(self, hand: Hand, topic: Topic, body: bytes) -> bytes:
        """What the other workers say to what one asks."""
        seconds = self._config.timeouts.upstream + _LONGER
        others = [other for other in self._crew.at_work() if other is not hand]
        asked = [asyncio.create_task(other.channel.ask(topic, body, seconds)) for other in others]
        try:
            for answer in asyncio.as_completed(asked):
                if await answer == YES:
                    return YES
            return b""
        finally:
            for task in asked:
                task.cancel()

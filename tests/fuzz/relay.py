"""A relay between a client and a server that remembers who said what, in the order it came."""

import socket
import threading
from contextlib import suppress
from typing import Self

from protocols.api import Side
from tests.fuzz.conversation import Conversation, Step

_CHUNK = 1 << 16
_PATIENCE = 10.0


class Relay:
    """A context manager that listens on 127.0.0.1 at `port` for `target`.

    `conversations` has one for each connection, as they were accepted; complete once left.
    """

    def __init__(self, target: tuple[str, int]) -> None:
        self._target = target
        self._said: list[list[Step]] = []
        self._threads: list[threading.Thread] = []

    @property
    def conversations(self) -> list[Conversation]:
        return [Conversation(tuple(_joined(said))) for said in self._said]

    def __enter__(self) -> Self:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._start(self._accept)
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)  # closing alone would leave accept() waiting
        self._listener.close()
        for thread in self._threads:
            thread.join(_PATIENCE)

    def _start(self, work: object, *arguments: object) -> None:
        thread = threading.Thread(target=work, args=arguments, daemon=True)  # type: ignore[arg-type]
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                upstream = socket.create_connection(self._target)
                said: list[Step] = []
                self._said.append(said)
                self._start(_pass_on, Side.CLIENT, client, upstream, said)
                self._start(_pass_on, Side.UPSTREAM, upstream, client, said)


def _pass_on(side: Side, source: socket.socket, sink: socket.socket, said: list[Step]) -> None:
    """Remember before it is passed on, so that no answer is remembered before what it answers."""
    with suppress(OSError):
        while data := source.recv(_CHUNK):
            said.append(Step(side, data))
            sink.sendall(data)
    with suppress(OSError):  # however it ended
        sink.shutdown(socket.SHUT_WR)


def _joined(said: list[Step]) -> list[Step]:
    """What one side said before the other one spoke is one step."""
    steps: list[Step] = []
    for step in said:
        if steps and steps[-1].side is step.side:
            steps[-1] = Step(step.side, steps[-1].data + step.data)
        else:
            steps.append(step)
    return steps

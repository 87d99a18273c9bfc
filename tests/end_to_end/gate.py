"""A gate before a server: it counts who comes, and has something done before it lets them on."""

import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Self


class Gate:
    """A context manager that listens at `port` for the server at `target`.

    `before(n)` is called for the n-th connection, counted from 1, before any of its bytes go on.
    """

    def __init__(self, target: int, before: Callable[[int], object] = lambda n: None) -> None:
        self._target = target
        self._before = before
        self._sockets: list[socket.socket] = []
        self.connections = 0

    def __enter__(self) -> Self:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._start(self._accept)
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def cut(self) -> None:
        """End all connections at once, on both sides."""
        for sock in self._sockets:
            with suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)

    def _start(self, work: Callable[..., None], *arguments: object) -> None:
        threading.Thread(target=work, args=arguments, name="gate", daemon=True).start()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                self.connections += 1
                self._start(self._let_through, client, self.connections)

    def _let_through(self, client: socket.socket, number: int) -> None:
        self._before(number)
        with suppress(ConnectionRefusedError):
            server = socket.create_connection(("127.0.0.1", self._target))
            self._sockets += [client, server]
            self._start(_pass_on, server, client)
            _pass_on(client, server)


def _pass_on(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while chunk := source.recv(65_536):
            target.sendall(chunk)
        target.shutdown(socket.SHUT_WR)

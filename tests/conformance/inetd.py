"""A server for each connection, as inetd starts it: the connection is its input and output."""

import socket
import subprocess
from collections.abc import Sequence
from contextlib import suppress
from threading import Thread
from typing import Self

_PATIENCE = 10.0


class Inetd:
    """A context manager: inside, who connects to `port` speaks with a new process of `command`."""

    def __init__(self, port: int, command: Sequence[str]) -> None:
        self._listener = socket.create_server(("127.0.0.1", port))
        self._command = command
        self._started: list[subprocess.Popen[bytes]] = []
        self._thread = Thread(target=self._serve, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._listener.close()
        for process in self._started:
            process.terminate()
            process.wait(_PATIENCE)

    def _serve(self) -> None:
        with suppress(OSError):  # that it is shut
            while True:
                connection, _ = self._listener.accept()
                with connection:
                    self._started = [one for one in self._started if one.poll() is None]
                    end = connection.fileno()
                    self._started.append(subprocess.Popen(self._command, stdin=end, stdout=end))

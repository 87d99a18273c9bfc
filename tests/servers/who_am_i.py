"""A TLS server that answers whatever it is sent with who it takes its client for."""

import socket
import ssl
import threading
from contextlib import suppress
from typing import Any, Self


class WhoAmI:
    """A context manager. `port` is where it is, and `names` are what its clients called it."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self._context = context
        context.sni_callback = lambda _, name, __: self.names.append(name)
        self.names: list[str | None] = []

    def __enter__(self) -> Self:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._serve, name="who am I", daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)  # closing alone would leave accept() waiting
        self._listener.close()
        self._thread.join(10)

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                connection.settimeout(5)
                with connection, suppress(OSError):
                    self._answer(self._context.wrap_socket(connection, server_side=True))

    def _answer(self, client: ssl.SSLSocket) -> None:
        with client:
            client.recv(100)
            subject: Any = (client.getpeercert() or {}).get("subject")
            client.sendall(subject[0][0][1].encode() if subject else b"nobody")

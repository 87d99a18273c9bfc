"""What stands where a server should be: one that never answers, or always gives one answer."""

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Self


@contextmanager
def silent_listener() -> Iterator[str]:
    """Connections are taken, and then nothing comes. Yields its HOST:PORT."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield f"127.0.0.1:{listener.getsockname()[1]}"


@contextmanager
def refusing_address() -> Iterator[str]:
    """A port that nobody listens on, and that nobody else can take meanwhile."""
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        yield f"127.0.0.1:{holder.getsockname()[1]}"


class OneAnswer:
    """A context manager: at `place`, an HTTP server that gives every request the same answer.

    `requests` are the heads of what it was asked. With `drip`, it pauses for as many seconds after
    each byte.
    """

    def __init__(
        self,
        status: str,
        body: bytes = b"",
        *,
        headers: str = "",
        tls: ssl.SSLContext | None = None,
        drip: float = 0,
    ) -> None:
        head = f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n{headers}"
        self._answer = head.encode() + b"\r\n" + body
        self._drip = drip
        self._over = threading.Event()
        self._tls = tls
        self.requests: list[bytes] = []

    def __enter__(self) -> Self:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.place = f"127.0.0.1:{self._listener.getsockname()[1]}"
        self._thread = threading.Thread(target=self._serve, name="one answer", daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._listener.shutdown(socket.SHUT_RDWR)  # closing alone would leave accept() waiting
        self._listener.close()
        self._thread.join(10)

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                with suppress(OSError):
                    self._answer_one(connection)

    def _answer_one(self, connection: socket.socket) -> None:
        if self._tls is not None:
            connection = self._tls.wrap_socket(connection, server_side=True)
        with connection:
            self.requests.append(connection.recv(1 << 16))
            step = 1 if self._drip else len(self._answer)
            for start in range(0, len(self._answer), step):
                connection.sendall(self._answer[start : start + step])
                if self._over.wait(self._drip):
                    return

"""A MySQL client made of bytes, for what no driver would send. It knows the protocol by its
documentation and nothing of ours.
"""

import socket
from typing import Self

from tests.protocols.mysql.server import CLIENT, CONNECT_WITH_DB, packet, response

_TIMEOUT = 15.0
_MARIADB = 1  # its flag is not set in MariaDB's own protocol


class Wire:
    """One connection, to a Unix socket or to a port of 127.0.0.1, logged in without a password."""

    def __init__(
        self,
        place: str | int,
        capabilities: int = 0,
        *,
        user: str = "nobody",
        database: str | None = None,
        extension: int = 0,
    ) -> None:
        if isinstance(place, str):
            self.socket = socket.socket(socket.AF_UNIX)
            self.socket.connect(place)
        else:
            self.socket = socket.create_connection(("127.0.0.1", place))
        self.socket.settimeout(_TIMEOUT)
        self._file = self.socket.makefile("rb")
        self._log_in(CLIENT | capabilities, user, database, extension)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()
        self.socket.close()

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def read(self) -> tuple[int, bytes]:
        """The next packet: its number and its payload."""
        header = self._file.read(4)
        assert len(header) == 4, "the connection has ended"
        return header[3], self._file.read(int.from_bytes(header[:3], "little"))

    def ask(self, payload: bytes) -> bytes:
        """Give a command whose answer is one packet."""
        self.send(packet(0, payload))
        return self.read()[1]

    def _log_in(self, flags: int, user: str, database: str | None, extension: int) -> None:
        _, greeting = self.read()
        self.thread = int.from_bytes(greeting[greeting.index(b"\0") + 1 :][:4], "little")
        flags &= ~_MARIADB if extension else ~0
        flags |= CONNECT_WITH_DB if database else 0
        said = response(user, capabilities=flags, database=database, extension=extension)
        self.send(packet(1, said))
        while (answer := self.read())[1][:1] != b"\0":
            number, payload = answer
            assert payload[:1] == b"\xfe", payload
            self.send(packet(number + 1, b""))

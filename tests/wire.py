"""A PostgreSQL client made of bytes, for what no driver would send, and for the codes that drivers
keep to themselves. It knows the protocol by its documentation and nothing of ours.
"""

import socket
import struct
from pathlib import Path
from typing import Self

_TIMEOUT = 15.0


class Refused(Exception):
    """The server's ErrorResponse: `code` is its SQLSTATE."""

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(f"{code} {sentence}")
        self.code = code
        self.sentence = sentence


def startup(version: int = 0x30000, /, **parameters: str) -> bytes:
    pairs = b"".join(f"{k}\0{v}\0".encode() for k, v in parameters.items())
    return struct.pack(">ii", len(pairs) + 9, version) + pairs + b"\0"


def message(kind: bytes, body: bytes = b"") -> bytes:
    return kind + struct.pack(">i", len(body) + 4) + body


def query(sql: str) -> bytes:
    return message(b"Q", sql.encode() + b"\0")


def cancel_request(key: bytes) -> bytes:
    return struct.pack(">ii", 8 + len(key), 80877102) + key


class Wire:
    """One connection."""

    def __init__(self, place: tuple[str, int]) -> None:
        host, port = place
        if host.startswith("/"):
            self.socket = socket.socket(socket.AF_UNIX)
            self.socket.connect(str(Path(host, f".s.PGSQL.{port}")))
        else:
            self.socket = socket.create_connection(place)
        self.socket.settimeout(_TIMEOUT)
        self._file = self.socket.makefile("rb")
        self.key = b""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()
        self.socket.close()

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def read(self, size: int) -> bytes:
        data = self._file.read(size)
        if len(data) < size:
            raise EOFError
        return data

    def receive(self) -> tuple[bytes, bytes]:
        """The next message's type and body. Raises Refused for an error, EOFError at the end."""
        kind, length = struct.unpack(">ci", self.read(5))
        body = self.read(length - 4)
        if kind == b"E":
            fields = {field[:1]: field[1:].decode() for field in body.split(b"\0")}
            raise Refused(fields[b"C"], fields[b"M"])
        return kind, body

    def until(self, kind: bytes) -> list[tuple[bytes, bytes]]:
        """All messages up to the first of this type."""
        messages = [self.receive()]
        while messages[-1][0] != kind:
            messages.append(self.receive())
        return messages

    def log_in(self, user: str, **parameters: str) -> Self:
        self.send(startup(user=user, **parameters))
        self.key = next((body for kind, body in self.until(b"Z") if kind == b"K"), b"")
        return self

    def query(self, sql: str) -> list[bytes]:
        """The rows of one column, in text."""
        self.send(query(sql))
        return [body[6:] for kind, body in self.until(b"Z") if kind == b"D"]

    def is_closed(self) -> bool:
        """Wait for the end; False where there is something to read instead."""
        try:
            return not self._file.read(1)
        except ConnectionResetError:
            return True


def refusal(place: tuple[str, int], user: str, **parameters: str) -> Refused:
    """How a client is turned away that says this."""
    return refusal_of(place, startup(user=user, **parameters))


def refusal_of(place: tuple[str, int], data: bytes) -> Refused:
    """How a client is turned away that sends this; the connection is closed after it."""
    with Wire(place) as client:
        client.send(data)
        try:
            client.until(b"Z")
        except Refused as refused:
            assert client.is_closed()
            return refused
    raise AssertionError("the client was let in")

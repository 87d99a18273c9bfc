"""One side's bytes during the handshake, put together into packets however they were cut.

Every read is bounded before anything is buffered. Sub-generators: `yield from inbox.take(5)`.
"""

from collections.abc import Generator
from dataclasses import dataclass
from struct import Struct

from protocols.api import Disconnected, Receive, Side
from protocols.errors import ClientProtocolError, ServerProtocolError
from protocols.postgres.messages import MAX_STARTUP_LENGTH, MIN_STARTUP_LENGTH, message

_UINT32 = Struct(">I")
_TERMINATE = b"X\0\0\0"  # of its five bytes, those where a startup packet has its length

# libpq's own bounds for a server that has not proven itself: see fe-connect.c.
_MAX_AUTHENTICATION = 2_000
_MAX_MESSAGE = 30_000


@dataclass(frozen=True, slots=True)
class Message:
    """A whole message: its type byte and its body, as it came."""

    kind: bytes
    body: bytes

    def encode(self) -> bytes:
        return message(self.kind, self.body)


class Inbox:
    """What one side has sent and nobody has taken yet."""

    def __init__(self, side: Side) -> None:
        self._side = side
        self._bytes = bytearray()

    @property
    def empty(self) -> bool:
        return not self._bytes

    def drain(self) -> bytes:
        """Take whatever is there."""
        return self._cut(len(self._bytes))

    def peek(self, size: int) -> Generator[Receive, bytes, bytes]:
        while len(self._bytes) < size:
            self._bytes += yield Receive(self._side)
        return bytes(self._bytes[:size])

    def take(self, size: int) -> Generator[Receive, bytes, bytes]:
        yield from self.peek(size)
        return self._cut(size)

    def startup_packet(self) -> Generator[Receive, bytes, bytes]:
        """A packet without a type byte, with its length."""
        head = yield from self.peek(4)
        if head == _TERMINATE:  # PostgreSQL says nothing to that either
            raise Disconnected(self._side)
        (length,) = _UINT32.unpack(head)
        if not MIN_STARTUP_LENGTH <= length <= MAX_STARTUP_LENGTH:
            raise ClientProtocolError(
                f"invalid length of startup packet: {length} bytes, not between "
                f"{MIN_STARTUP_LENGTH} and {MAX_STARTUP_LENGTH}; is this a PostgreSQL client?"
            )
        return (yield from self.take(length))

    def message(self) -> Generator[Receive, bytes, Message]:
        """A server's message before it is trusted."""
        header = yield from self.peek(5)
        kind, (length,) = header[:1], _UINT32.unpack_from(header, 1)
        if not 4 <= length <= (_MAX_AUTHENTICATION if kind == b"R" else _MAX_MESSAGE):
            raise ServerProtocolError(
                "upstream does not speak PostgreSQL's protocol",
                detail=f"message {kind!r} claims {length} bytes",
            )
        return Message(kind, (yield from self.take(1 + length))[5:])

    def _cut(self, size: int) -> bytes:
        taken = bytes(self._bytes[:size])
        del self._bytes[:size]
        return taken

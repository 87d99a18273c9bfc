"""One side's packets during the handshake, put together however they were cut.

Both ends number them in turn, whoever sends: a packet out of its turn was not meant for this
handshake. Every read is bounded before anything is buffered.
"""

from collections.abc import Generator
from typing import Any

from protocols.api import Command, Receive, Send, Side
from protocols.errors import ClientProtocolError, Reason, Refusal, ServerProtocolError
from protocols.mysql.packets import HEADER_SIZE, packet

_MAX_PAYLOAD = 1 << 20


class Exchange:
    """A connection that is not logged in yet. `sequence` is the next packet's number."""

    def __init__(self, side: Side) -> None:
        self._side = side
        self._bytes = bytearray()
        self.sequence = 0

    @property
    def empty(self) -> bool:
        return not self._bytes

    def drain(self) -> bytes:
        """Take whatever is there."""
        return self._cut(len(self._bytes))

    def receive(self) -> Generator[Command, Any, bytes]:
        """The next packet's payload."""
        header = yield from self._peek(HEADER_SIZE)
        size, number = int.from_bytes(header[:3], "little"), header[3]
        if number != self.sequence:
            raise self._broken(f"packet {number} came where {self.sequence} is due")
        if size > _MAX_PAYLOAD:
            raise self._broken(f"a packet claims {size} bytes", Reason.OVERSIZED)
        yield from self._peek(HEADER_SIZE + size)
        self._count(1)
        return self._cut(HEADER_SIZE + size)[HEADER_SIZE:]

    def send(self, *payloads: bytes) -> Generator[Command, Any, None]:
        """Packets that go out together."""
        numbered = enumerate(payloads, self.sequence)
        self._count(len(payloads))
        yield Send(self._side, b"".join(packet(number, payload) for number, payload in numbered))

    def _peek(self, size: int) -> Generator[Receive, bytes, bytes]:
        while len(self._bytes) < size:
            self._bytes += yield Receive(self._side)
        return bytes(self._bytes[:size])

    def _cut(self, size: int) -> bytes:
        taken = bytes(self._bytes[:size])
        del self._bytes[:size]
        return taken

    def _count(self, packets: int) -> None:
        self.sequence = (self.sequence + packets) & 0xFF

    def _broken(self, what: str, reason: Reason = Reason.MALFORMED) -> Refusal:
        if self._side is Side.CLIENT:
            return ClientProtocolError(f"bad handshake: {what}; is this a MySQL client?", reason)
        return ServerProtocolError("upstream does not speak MySQL's protocol", detail=what)

"""How PostgreSQL's bytes are messages, read a second time and in the simplest way."""

from dataclasses import dataclass
from struct import Struct

from protocols.api import Side
from tests.fuzz.conversation import Framing, cut

_LENGTH = Struct(">I")


@dataclass(frozen=True, slots=True)
class Packets:
    """Packets that begin with `before` bytes and a length, which counts itself and the body."""

    before: int

    @property
    def header(self) -> int:
        return self.before + _LENGTH.size

    def split(self, data: bytes) -> list[bytes]:
        def end_of(position: int) -> int:
            (length,) = _LENGTH.unpack_from(data, position + self.before)
            return position + self.before + int(length)

        return cut(data, self.header, end_of)

    def fit(self, message: bytes) -> bytes:
        return self.claim(message, len(message) - self.before)

    def claim(self, message: bytes, length: int) -> bytes:
        if len(message) < self.header:
            return message
        return message[: self.before] + _LENGTH.pack(length) + message[self.header :]


MESSAGES = Packets(before=1)
STARTUP_PACKETS = Packets(before=0)

SESSION: dict[Side, Framing] = {Side.CLIENT: MESSAGES, Side.UPSTREAM: MESSAGES}
LOGIN: dict[Side, Framing] = {Side.CLIENT: STARTUP_PACKETS, Side.UPSTREAM: MESSAGES}

"""How MySQL's bytes are packets and compressed frames, read a second time and in the simplest way.

A packet may be as long as a limit; one that is that long goes on in the next one. What is shown to
targets of a small limit is cut by that first.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from protocols.api import Side
from tests.fuzz.conversation import Conversation, Framing, Step, cut

_LIMIT = 0xFF_FFFF


@dataclass(frozen=True, slots=True)
class Packets:
    """They begin with the length of their body, and `after` that with some more bytes."""

    after: int
    limit: int = _LIMIT

    @property
    def header(self) -> int:
        return 3 + self.after

    def split(self, data: bytes) -> list[bytes]:
        def end_of(position: int) -> int:
            size = int.from_bytes(data[position : position + 3], "little")
            return position + self.header + size

        return cut(data, self.header, end_of)

    def fit(self, message: bytes) -> bytes:
        return self.claim(message, len(message))

    def claim(self, message: bytes, length: int) -> bytes:
        """The length of all of it, from which the header's is told."""
        if len(message) < self.header:
            return message
        size = min(max(0, length - self.header), _LIMIT)
        return size.to_bytes(3, "little") + message[3:]

    def is_whole(self, message: bytes) -> bool:
        return message == self.fit(message) and len(message) >= self.header

    def ends(self, data: bytes) -> bool:
        """Whether the last byte is a packet's last, and that packet does not go on."""
        last = self.split(data)[-1:]
        return all(self.is_whole(one) and len(one) - self.header != self.limit for one in last)


PACKETS = Packets(after=1)
SMALL_PACKETS = Packets(after=1, limit=0x3F)
FRAMES = Packets(after=4)

SESSION: dict[Side, Framing] = dict.fromkeys(Side, PACKETS)
COMPRESSED: dict[Side, Framing] = dict.fromkeys(Side, FRAMES)


def body(message: bytes) -> bytes:
    return message[PACKETS.header :]


def packets_of(conversation: Conversation, side: Side) -> list[bytes]:
    return PACKETS.split(conversation.said(side))


def ends_packet(steps: Sequence[Step], framing: Packets = PACKETS) -> bool:
    """Whether upstream has ended the packet that it said last."""
    return framing.ends(b"".join(step.data for step in steps if step.side is Side.UPSTREAM))


def in_small_packets(conversation: Conversation) -> Conversation:
    """The same as if no packet could have more than the small limit."""
    limit = SMALL_PACKETS.limit
    steps = []
    for step in conversation.steps:
        cut = bytearray()
        for packet in PACKETS.split(step.data):
            number, rest = (packet[3] if len(packet) > 3 else 0), body(packet)
            for count, start in enumerate(range(0, len(rest) + 1, limit)):
                piece = rest[start : start + limit]
                cut += len(piece).to_bytes(3, "little") + bytes((number + count & 0xFF,)) + piece
        steps.append(Step(step.side, bytes(cut)))
    return Conversation(tuple(steps), conversation.dice)

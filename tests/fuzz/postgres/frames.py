"""The frames of one side's stream, beside a second and simpler reading of the same bytes."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from random import Random

from protocols.api import Side
from protocols.errors import Reason, Refusal
from protocols.postgres.frames import KEPT, Copied, Frames, Receiver
from tests.fuzz.conversation import Conversation, in_pieces
from tests.fuzz.limits import in_time, weigh
from tests.fuzz.postgres.framing import MESSAGES
from tests.fuzz.taps import WHOLE, cuts
from tests.fuzz.target import Breach, Checked

_KINDS = b"QPBECDSFXcfdZT12"
_LONGEST = 0x3FFFFFFF
_SECONDS, _SECONDS_PER_BYTE = 0.005, 1e-6
_MOST_BYTES = 2 * KEPT + 8_192


@dataclass(slots=True)
class Seen:
    """A message that was handed on: what was kept of its body, and what was shown after that."""

    kind: int
    kept: bytes
    size: int
    rest: bytearray = field(default_factory=bytearray)

    def take(self, piece: memoryview) -> None:
        self.rest += piece


Reading = tuple[list[Seen], int, bool | None]
"""Messages, copied bytes, and whether the last byte was a message's last; None after a fault."""


def check(conversation: Conversation) -> Checked:
    random = Random(conversation.dice)
    kinds = bytes(random.sample(_KINDS, random.randint(1, len(_KINDS))))
    messages, ends = 0, []
    for side in Side:
        data = conversation.said(side)
        expected = _expect(data, kinds)
        bound = _SECONDS + _SECONDS_PER_BYTE * len(data)
        readings = [in_time(partial(_read, data, kinds, WHOLE), bound)]
        readings += [_read(data, kinds, sizes) for sizes in cuts(conversation)]
        if any(reading != expected for reading in readings):
            raise Breach(f"reads {kinds!r} out of the {side.value}'s bytes otherwise")
        messages += len(MESSAGES.split(data))
        ends.append((len(expected[0]) > 3, expected[1] > 0, expected[2]))
    return Checked(messages, tuple(ends))


def _read(data: bytes, kinds: bytes, sizes: Sequence[int]) -> Reading:
    seen: list[Seen] = []

    class Hand(Receiver):
        def take(self, kind: int, body: bytes, size: int) -> Seen:
            seen.append(Seen(kind, body, size))
            return seen[-1]

    copied = Copied()
    frames = Frames(Hand(shown=kinds), Refusal(Reason.MALFORMED, "no length"), copied)
    try:
        for piece in in_pieces(data, sizes):
            frames.feed(memoryview(piece))
    except Refusal:
        return seen, copied.bytes, None
    if weigh(frames) - weigh(seen) > _MOST_BYTES:
        raise Breach(f"keeps {weigh(frames)} bytes")
    return seen, copied.bytes, frames.at_boundary()


def _expect(data: bytes, kinds: bytes) -> Reading:
    seen: list[Seen] = []
    copied = position = 0
    while position + 5 <= len(data):
        kind, length = data[position], int.from_bytes(data[position + 1 : position + 5], "big")
        if not 4 <= length <= _LONGEST:
            return seen, copied, None
        body = data[position + 5 : position + 1 + length]
        if kind not in kinds:
            copied += length - 4 if kind == ord("d") else 0
        elif len(body) >= min(length - 4, KEPT):
            seen.append(Seen(kind, body[:KEPT], length - 4, bytearray(body[KEPT:])))
        position += 1 + length
    return seen, copied, position == len(data)

"""The packets of one side's stream, beside a second and simpler reading of the same bytes."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Protocol
from unittest.mock import patch

from protocols.api import Side
from protocols.mysql import frames
from protocols.mysql.frames import PacketReader, Packets
from tests.fuzz.conversation import Conversation, in_pieces
from tests.fuzz.limits import in_time, weigh
from tests.fuzz.mysql.framing import PACKETS, SMALL_PACKETS
from tests.fuzz.taps import WHOLE, cuts
from tests.fuzz.target import Breach, Checked

_KEPT = (513, 0, 1, 40, 131_072)  # bytes; fewer than a packet can have
_EOF, _ERR = 0xFE, 0xFF
_SECONDS, _SECONDS_PER_BYTE = 0.01, 2e-6
_EMPTY, _PER_BYTE = 16_384, 2


class _Counting(Protocol):
    """What a reader changes of whom it reads for."""

    passing: int
    in_rows: bool
    kept: int


@dataclass(slots=True)
class _Reader(PacketReader):
    """Remembers what it is handed, and does with it what its first byte says."""

    seen: list[tuple[bytes, int]] = field(default_factory=list)
    rest: list[bytearray] = field(default_factory=list)
    ends: list[int] = field(default_factory=list)
    passes: int = 0
    of: _Counting | None = None

    def packet(self, body: bytes, size: int) -> bool:
        assert self.of is not None
        self.seen.append((body, size))
        self.rest.append(bytearray())
        first = body[0] if body else 0
        if first % 8 == 1:
            self.of.passing = first >> 3
        elif first % 8 == 2:
            self.of.in_rows = True
        elif first == _EOF:
            self.of.in_rows = False
        return bool(first & 0x10)

    def more(self, piece: memoryview | bytes) -> None:
        self.rest[-1] += piece

    def end(self) -> None:
        self.ends.append(len(self.seen))

    def passed(self) -> None:
        self.passes += 1


@dataclass(slots=True)
class Reading:
    """What came of a stream: to the reader, and counted. The counts mean something behind a whole
    packet only."""

    reader: _Reader
    at_boundary: bool
    counts: tuple[int, int, int] | None  # rows, packets left to pass over, the last one's number


def check(conversation: Conversation) -> Checked:
    """The dice choose how much is kept of a packet, and whether the limit is the small one."""
    framing = SMALL_PACKETS if conversation.dice & 1 else PACKETS
    kept = min(_KEPT[conversation.dice // 2 % len(_KEPT)], framing.limit - 1)
    messages, ends = 0, []
    with patch.object(frames, "MAX_PAYLOAD", framing.limit):
        for side in Side:
            data = _fit_to(framing.limit, conversation.said(side))
            expected = _expect(data, kept, framing.limit)
            bound = _SECONDS + _SECONDS_PER_BYTE * len(data)
            readings = [in_time(partial(read, data, kept, WHOLE), bound)]
            readings += [read(data, kept, sizes) for sizes in cuts(conversation)]
            for reading in readings:
                if reading != expected:
                    raise Breach(f"reads {reading} of the {side.value}'s bytes, not {expected}")
            messages += len(PACKETS.split(data))
            ends.append((len(expected.reader.seen) > 3, expected.counts, expected.at_boundary))
    return Checked(messages, tuple(ends))


def _fit_to(limit: int, data: bytes) -> bytes:
    """No packet says that it has more than it can."""
    if limit == PACKETS.limit:
        return data
    fitting, position = bytearray(data), 0
    while position + PACKETS.header <= len(data):
        size = fitting[position] & limit
        fitting[position : position + 3] = size.to_bytes(3, "little")
        position += PACKETS.header + size
    return bytes(fitting)


def read(data: bytes, kept: int, sizes: Sequence[int]) -> Reading:
    reader = _Reader()
    packets = Packets(reader, kept)
    reader.of = packets
    for piece in in_pieces(data, sizes):
        packets.feed(memoryview(piece))
    reader.of = None
    if weigh(packets) > _EMPTY + weigh(reader) + kept + _PER_BYTE * len(data):
        raise Breach(f"keeps {weigh(packets)} bytes")
    counts = (packets.rows, packets.passing, packets.sequence) if packets.at_boundary() else None
    return Reading(reader, packets.at_boundary(), counts)


@dataclass(slots=True)
class _Simple:
    """The same attributes that a reader changes."""

    kept: int
    passing: int = 0
    in_rows: bool = False
    rows: int = 0


def _expect(data: bytes, kept: int, limit: int) -> Reading:
    simple, reader = _Simple(kept), _Reader()
    reader.of = simple
    position, goes_on, wanted, number = 0, False, False, 0
    while position + PACKETS.header <= len(data):
        size = int.from_bytes(data[position : position + 3], "little")
        whole = data[position + 4 : position + 4 + size]
        if len(whole) < (
            1 if _only_counts(simple, whole, size, limit, goes_on) else min(size, kept)
        ):
            break
        number = data[position + 3]
        if goes_on:
            if wanted:
                reader.more(whole)
        else:
            wanted = _begin(simple, reader, whole, size, kept, last=size != limit)
        position, goes_on = position + PACKETS.header + size, size == limit
        if wanted and position <= len(data) and not goes_on:
            reader.end()
            wanted = False
    at_boundary = position == len(data) and not goes_on
    reader.of = None
    counts = (simple.rows, simple.passing, number) if at_boundary else None
    return Reading(reader, at_boundary, counts)


def _only_counts(simple: _Simple, whole: bytes, size: int, limit: int, goes_on: bool) -> bool:
    """Whether all that matters of it is its first byte."""
    if goes_on or not whole or size == limit:
        return False
    return whole[0] < (_ERR if simple.passing else _EOF if simple.in_rows else 0)


def _begin(
    simple: _Simple, reader: _Reader, whole: bytes, size: int, kept: int, *, last: bool
) -> bool:
    """A packet that is not the rest of another one. Returns whether there is more of it to hand
    on."""
    first = whole[0] if whole and kept else _ERR
    if simple.passing and first < _ERR:
        simple.passing -= 1
        reader.passes += not simple.passing
    elif simple.in_rows and first < _EOF:
        simple.rows += 1
    else:
        wanted = reader.packet(whole[:kept], size)
        if wanted and (size > kept or not last):
            reader.more(whole[kept:])
            return True
    return False

"""One side's stream after login, cut into packets for the audit. Nothing is held back for it.

Most bytes are rows, and of those only the headers are looked at: whatever a row contains, it ends
where its header says. A packet of 16 MiB - 1 goes on in the next one, be that empty, and what goes
on is no packet of its own.
"""

from struct import Struct
from typing import Protocol

from protocols.api import Chunk
from protocols.errors import Refusal
from protocols.mysql.packets import HEADER_SIZE, MAX_PAYLOAD

_HEADER = Struct("<I")  # the upper byte is the sequence number
_HEADER_AND_FIRST = Struct("<IB")
_EOF, _ERR = 0xFE, 0xFF  # no row begins so, but one whose first column has 16 MiB and more
_ENDLESS = 1 << 62
_SHORT = 2_048


class PacketReader(Protocol):
    """What is done with packets."""

    def packet(self, body: bytes, size: int) -> bool:
        """A packet, by its first bytes; `size` is what its header says. Returns whether its rest
        is wanted as well, where there is any."""

    def more(self, piece: memoryview | bytes) -> None:
        """The next bytes of the packet whose rest was wanted."""

    def end(self) -> None:
        """That was its last byte."""

    def passed(self) -> None:
        """The last of the packets that were to be passed over."""


class Packets:
    """Hands packets on to a reader, each by its first `kept` bytes.

    `passing` packets are passed over, and then, where it is `in_rows`, the `rows` are counted; the
    reader gets what is neither.
    """

    def __init__(self, reader: PacketReader, kept: int) -> None:
        self.kept = kept
        self.passing = 0
        self.in_rows = False
        self.rows = 0
        self.sequence = 0  # of the last packet
        self._reader = reader
        self._head = bytearray()  # header and kept bytes of a packet that is not there yet
        self._skip = 0  # bytes still to come of a packet that was dealt with
        self._goes_on = False  # the packet at hand goes on in the next one
        self._wanted = False  # so that the reader gets the rest of it too

    @property
    def at_boundary(self) -> bool:
        """Whether the last byte seen was a packet's last."""
        return not (self._skip or self._head or self._goes_on)

    def feed(self, chunk: Chunk) -> None:
        """Read on. Every packet is handed on once, as soon as what is kept of it is there."""
        if self._skip or self._head:
            chunk = chunk[self._go_on(chunk) :]
        # Bytes are twice as fast to take apart as a view of them, and short chunks cheap to copy.
        data = bytes(chunk) if len(chunk) <= _SHORT else chunk
        position, end = 0, len(data)
        try:
            while end - position >= HEADER_SIZE:
                if (self.passing or self.in_rows) and not self._goes_on:
                    walked = self._walk(data, position)
                    if walked != position:
                        position = walked
                        continue
                (word,) = _HEADER.unpack_from(data, position)
                size, body = word & MAX_PAYLOAD, position + HEADER_SIZE
                kept = body + min(size, self.kept)
                if kept > end:
                    break
                position = kept
                if size <= self.kept and not self._goes_on:
                    self.sequence = word >> 24
                    self._reader.packet(bytes(data[body:kept]), size)
                else:
                    self._begin(word, bytes(data[body:kept]))
                    position = self._skip_in(data, kept)
        finally:  # what nobody has read, because of a fault before it, is at no boundary either
            if position > end:
                self._skip = position - end
            elif position < end:
                self._head += data[position:]

    def _walk(self, data: bytes | memoryview, position: int) -> int:
        """Go over packets that only count; returns where one is that may be more."""
        limit, stop = (self.passing, _ERR) if self.passing else (_ENDLESS, _EOF)
        count, end, last = 0, len(data) - HEADER_SIZE, position
        while count < limit and position < end:
            word, first = _HEADER_AND_FIRST.unpack_from(data, position)
            size = word & MAX_PAYLOAD
            if first >= stop or not 0 < size < MAX_PAYLOAD:
                break
            count, last = count + 1, position
            position += HEADER_SIZE + size
        if count:
            self.sequence = data[last + HEADER_SIZE - 1]
            self._count(count)
        return position

    def _count(self, packets: int) -> None:
        if self.passing:
            self.passing -= packets
            if not self.passing:
                self._reader.passed()
        else:
            self.rows += packets

    def _begin(self, word: int, body: bytes) -> None:
        """Deal with a packet of which as much is there as is kept."""
        size, self.sequence = word & MAX_PAYLOAD, word >> 24
        goes_on, self._goes_on = self._goes_on, size == MAX_PAYLOAD
        self._skip = size - len(body)
        first = body[0] if body else _ERR  # an empty one is no row either
        if goes_on:
            if self._wanted:
                self._reader.more(body)
        elif (self.passing and first < _ERR) or (self.in_rows and first < _EOF):
            self._count(1)
        else:
            wanted = self._reader.packet(body, size)
            self._wanted = wanted and (self._skip > 0 or self._goes_on)
        self._end_if_over()

    def _end_if_over(self) -> None:
        if self._wanted and not self._skip and not self._goes_on:
            self._wanted = False
            self._reader.end()

    def _skip_in(self, data: memoryview | bytes, position: int) -> int:
        """Pass over what is there of the packet's rest; returns where that ends."""
        piece = data[position : position + self._skip]
        self._skip -= len(piece)
        if self._wanted:
            self._reader.more(piece)
            self._end_if_over()
        return position + len(piece)

    def _go_on(self, chunk: Chunk) -> int:
        """Go on with the packet that the chunk before ended in; returns where the next begins."""
        position = 0
        while self._head and position < len(chunk):
            piece = chunk[position : position + self._missing()]
            self._head += piece
            position += len(piece)
            if not self._missing():
                (word,) = _HEADER.unpack_from(self._head)
                body = bytes(self._head[HEADER_SIZE:])
                self._head.clear()
                try:
                    self._begin(word, body)
                except Refusal:
                    self._head += chunk[position:]
                    raise
        return self._skip_in(chunk, position) if self._skip else position

    def _missing(self) -> int:
        """How many bytes the packet in `_head` lacks until it can be dealt with."""
        if len(self._head) < HEADER_SIZE:
            return HEADER_SIZE - len(self._head)
        size = int.from_bytes(self._head[:3], "little")
        if len(self._head) > HEADER_SIZE and self._only_counts(size, self._head[HEADER_SIZE]):
            return 0
        return max(0, HEADER_SIZE + min(size, self.kept) - len(self._head))

    def _only_counts(self, size: int, first: int) -> bool:
        """Whether it is a packet that `_walk` would go over, of which nothing more is needed."""
        if self._goes_on or not (self.passing or self.in_rows):
            return False
        return first < (_ERR if self.passing else _EOF) and 0 < size < MAX_PAYLOAD

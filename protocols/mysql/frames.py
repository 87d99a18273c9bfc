"""One side's stream after login, cut into packets for the audit. Nothing is held back for it.

Most bytes are rows, and of those only the headers are looked at: whatever a row contains, it ends
where its header says. A packet of 16 MiB - 1 goes on in the next one, be that empty, and what goes
on is no packet of its own.

Compiled, no index is checked: each must be seen to be in range.
"""

from protocols.api import Chunk
from protocols.errors import Refusal
from protocols.mysql.packets import HEADER_SIZE, MAX_PAYLOAD
from protocols.octets import cut

_HEADER = HEADER_SIZE
_EOF, _ERR = 0xFE, 0xFF  # no row begins so, but one whose first column has 16 MiB and more
_ENDLESS = 1 << 62


class Stream:
    """One side's bytes as they come. `sequence` is the number that was counted last."""

    def __init__(self) -> None:
        self.sequence = 0

    def at_boundary(self) -> bool:
        """Whether the last byte seen was the last of what is numbered."""
        raise NotImplementedError

    def feed(self, chunk: Chunk) -> None:
        """Read on."""
        raise NotImplementedError


class PacketReader:
    """What is done with packets."""

    def packet(self, body: bytes, size: int) -> bool:
        """A packet, by its first bytes; `size` is what its header says. Returns whether its rest
        is wanted as well, where there is any."""
        raise NotImplementedError

    def more(self, piece: memoryview | bytes) -> None:
        """The next bytes of the packet whose rest was wanted."""

    def end(self) -> None:
        """That was its last byte."""

    def passed(self) -> None:
        """The last of the packets that were to be passed over."""


class Packets(Stream):
    """Hands packets on to a reader, each by its first `kept` bytes.

    `passing` packets are passed over, and then, where it is `in_rows`, the `rows` are counted; the
    reader gets what is neither.
    """

    def __init__(self, reader: PacketReader, kept: int) -> None:
        super().__init__()
        self.kept = kept
        self.passing = 0
        self.in_rows = False
        self.rows = 0
        self._reader = reader
        self._limit = MAX_PAYLOAD
        self._head = bytearray()  # header and kept bytes of a packet that is not there yet
        self._skip = 0  # bytes still to come of a packet that was dealt with
        self._goes_on = False  # the packet at hand goes on in the next one
        self._wanted = False  # so that the reader gets the rest of it too

    def at_boundary(self) -> bool:
        return not (self._skip or self._head or self._goes_on)

    def feed(self, chunk: Chunk) -> None:
        """Every packet is handed on once, as soon as what is kept of it is there."""
        if self._skip or self._head:
            chunk = chunk[self._go_on(chunk) :]
        self._read(bytes(chunk))  # which are quicker to take apart than a view of them

    def _read(self, data: bytes) -> None:
        position, end = 0, len(data)
        try:
            while end - position >= _HEADER:
                if (self.passing or self.in_rows) and not self._goes_on:
                    walked = self._walk(data, position)
                    if walked != position:
                        position = walked
                        continue
                size = data[position] | data[position + 1] << 8 | data[position + 2] << 16
                number, body = data[position + 3], position + _HEADER
                kept = body + min(size, self.kept)
                if kept > end:
                    break
                position = kept
                if size <= self.kept and not self._goes_on:
                    self.sequence = number
                    self._reader.packet(cut(data, body, kept), size)
                else:
                    self._begin(size, number, cut(data, body, kept))
                    position = self._skip_in(data, kept)
        finally:  # what nobody has read, because of a fault before it, is at no boundary either
            if position > end:
                self._skip = position - end
            elif position < end:
                self._head += data[position:]

    def _walk(self, data: bytes, position: int) -> int:
        """Go over packets that only count; returns where one is that may be more."""
        most, stop = (self.passing, _ERR) if self.passing else (_ENDLESS, _EOF)
        count, limit, end, last = 0, self._limit, len(data) - _HEADER, position
        while count < most and position < end and data[position + 4] < stop:
            size = data[position] | data[position + 1] << 8 | data[position + 2] << 16
            if not 0 < size < limit:
                break
            count, last = count + 1, position
            position += _HEADER + size
        if count:
            self.sequence = data[last + 3]
            self._count(count)
        return position

    def _count(self, packets: int) -> None:
        if self.passing:
            self.passing -= packets
            if not self.passing:
                self._reader.passed()
        else:
            self.rows += packets

    def _begin(self, size: int, number: int, body: bytes) -> None:
        """Deal with a packet of which as much is there as is kept."""
        self.sequence = number
        goes_on, self._goes_on = self._goes_on, size == self._limit
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

    def _skip_in(self, data: Chunk, position: int) -> int:
        """Pass over what is there of the packet's rest; returns where that ends."""
        end = min(len(data), position + self._skip)
        self._skip -= end - position
        if self._wanted:
            self._reader.more(memoryview(data)[position:end])
            self._end_if_over()
        return end

    def _go_on(self, chunk: Chunk) -> int:
        """Go on with the packet that the chunk before ended in; returns where the next begins."""
        position = 0
        while self._head and position < len(chunk):
            piece = chunk[position : position + self._missing()]
            self._head += piece
            position += len(piece)
            if not self._missing():
                head = bytes(self._head)
                self._head.clear()
                try:
                    self._begin(_size(head), head[3], head[HEADER_SIZE:])
                except Refusal:
                    self._head += chunk[position:]
                    raise
        return self._skip_in(chunk, position) if self._skip else position

    def _missing(self) -> int:
        """How many bytes the packet in `_head` lacks until it can be dealt with."""
        if len(self._head) < HEADER_SIZE:
            return HEADER_SIZE - len(self._head)
        size = _size(self._head)
        if len(self._head) > HEADER_SIZE and self._only_counts(size, self._head[HEADER_SIZE]):
            return 0
        return max(0, HEADER_SIZE + min(size, self.kept) - len(self._head))

    def _only_counts(self, size: int, first: int) -> bool:
        """Whether it is a packet that `_walk` would go over, of which nothing more is needed."""
        if self._goes_on or not (self.passing or self.in_rows):
            return False
        return first < (_ERR if self.passing else _EOF) and 0 < size < self._limit


def _size(header: bytes | bytearray) -> int:
    return int.from_bytes(header[:3], "little")

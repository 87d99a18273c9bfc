"""What goes to the client in one channel, and never more of it than the client takes.

Upstream counts the client's window itself, and knows nothing of what we add. So what we add is a
debt: the client's next WINDOW_ADJUSTs pay it before upstream hears of them. Until then, upstream
may send more than there is room for, at most by the debt, and that waits here.
"""

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from protocols.ssh.encoding import Malformed
from protocols.ssh.messages import channel_data, cut, data_of, is_data

_MAX_DEBT = 1 << 20  # bytes
_MAX_WAITING = 1000  # packets, most of which are no data


@dataclass(slots=True)
class End:
    """One side's end of a channel: its own number for it, how much it takes, and how much of that
    in one packet. `closed`: it has sent its CLOSE."""

    number: int
    window: int
    largest: int
    closed: bool = False


class Outbox:
    """One channel's."""

    def __init__(self, client: End) -> None:
        self._client = client
        self._debt = 0
        self._waiting: deque[bytes] = deque()

    def passes(self, size: int) -> bool:
        """Whether a packet with so much data goes on at once, as it came."""
        if self._waiting or (self._debt and size > max(0, self._client.window)):
            return False
        self._client.window -= size
        return True

    def put(self, packet: bytes) -> Sequence[bytes]:
        """A packet of upstream's: what may go now of all that waits."""
        if len(self._waiting) >= _MAX_WAITING:
            raise Malformed("more waits for the client than may")
        self._waiting.append(packet)
        return list(self._released())

    def add(self, data: bytes) -> Sequence[bytes]:
        """Data of our own, the same way."""
        self._debt += len(data)
        if self._debt > _MAX_DEBT:
            raise Malformed("the client does not take its answers")
        most = max(1, self._client.largest)
        for start in range(0, len(data), most):
            self._waiting.append(channel_data(self._client.number, data[start : start + most]))
        return list(self._released())

    def adjust(self, size: int) -> tuple[int, Sequence[bytes]]:
        """The client takes so much more: how much of it upstream may know, and what may go."""
        self._client.window += size
        paid = min(self._debt, size)
        self._debt -= paid
        return size - paid, list(self._released())

    def abandon(self) -> Sequence[bytes]:
        """The client has closed the channel and takes no more data of it: what is left to say."""
        left = [packet for packet in self._waiting if not is_data(packet)]
        self._waiting.clear()
        self._debt = 0
        return left

    def _released(self) -> Iterator[bytes]:
        while self._waiting:
            packet = self._waiting[0]
            size = len(data_of(packet)) if is_data(packet) else 0
            if size > max(0, self._client.window):
                break
            self._client.window -= size
            yield self._waiting.popleft()
        if self._waiting and self._client.window > 0:
            first, self._waiting[0] = cut(self._waiting[0], self._client.window)
            self._client.window = 0
            yield first

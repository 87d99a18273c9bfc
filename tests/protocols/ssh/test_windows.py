"""What is added and kept back, between two sides that mind each other's windows: nobody is sent
more than it takes, nothing is lost, and nobody waits for ever."""

from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from protocols.ssh.encoding import string
from protocols.ssh.messages import ChannelOpen, ChannelOpenConfirmation, Message
from protocols.ssh.sftp_messages import Fxp
from tests.protocols.ssh.connection import READ_ONLY, Connection, adjust, data
from tests.protocols.ssh.sftp import message, names, refusal

_MOST_TURNS = 5000


@dataclass(frozen=True)
class _Takes:
    """What one side takes, in all and at once, how much of that is used before it says that there
    is room again, and how much it sends in its turns."""

    window: int
    used: int
    largest: int
    sizes: list[int]


class _Side:
    """It sends what it has as it may, and takes what it is sent."""

    def __init__(self, number: int, own: _Takes, other: int, others: _Takes) -> None:
        self._number = number
        self._own = own
        self._window = own.window
        self._other = other
        self._others_largest = others.largest
        self._room = others.window
        self.outgoing = b""
        self.incoming = b""

    def take(self, packet: bytes) -> list[bytes]:
        """What it says to that."""
        assert packet[1:5] == self._number.to_bytes(4, "big")
        if packet[0] == Message.CHANNEL_WINDOW_ADJUST:
            self._room += int.from_bytes(packet[5:9], "big")
            return []
        assert packet[0] == Message.CHANNEL_DATA
        content = packet[9:]
        assert 0 < len(content) <= self._own.largest
        self.incoming += content
        self._window -= len(content)
        assert self._window >= 0
        used = self._own.window - self._window
        if used < self._own.used:
            return []
        self._window = self._own.window
        return [adjust(self._other, used)]

    def say(self, turn: int) -> list[bytes]:
        wanted = self._own.sizes[turn % len(self._own.sizes)]
        size = min(self._room, self._others_largest, wanted)
        content, self.outgoing = self.outgoing[:size], self.outgoing[size:]
        self._room -= len(content)
        return [data(self._other, content)] if content else []


def _takes(used: int) -> st.SearchStrategy[_Takes]:
    """`used` at most: a request's head is held here, so its end must have room in upstream's
    window, which OpenSSH sees to when half of it is used."""
    return st.builds(
        _Takes,
        window=st.integers(120, 400),
        used=st.integers(1, used),
        largest=st.integers(40, 500),
        sizes=st.lists(st.integers(1, 200), min_size=1, max_size=5),
    )


@given(st.lists(st.booleans(), min_size=1, max_size=30), _takes(120), _takes(60))
def test_both_sides_get_all_that_is_theirs(
    changes: list[bool], clients: _Takes, upstreams: _Takes
) -> None:
    asked = [
        message(Fxp.REMOVE if change else Fxp.REALPATH, number, string(b"p" * (number % 30)))
        for number, change in enumerate(changes)
    ]
    client = _Side(0, clients, 100, upstreams)
    upstream = _Side(100, upstreams, 0, clients)
    client.outgoing = b"".join(asked)
    _talk(_speaking_sftp(clients, upstreams), client, upstream)
    assert client.outgoing == upstream.outgoing == b""
    through = (a for a, change in zip(asked, changes, strict=True) if not change)
    assert upstream.incoming == b"".join(through)
    expected = [
        refusal(number) if change else _answer(number) for number, change in enumerate(changes)
    ]
    assert sorted(_messages(client.incoming)) == sorted(expected)


def _speaking_sftp(clients: _Takes, upstreams: _Takes) -> Connection:
    connection = Connection(READ_ONLY)
    opened = ChannelOpen(b"session", 0, clients.window, clients.largest)
    confirmed = ChannelOpenConfirmation(0, 100, upstreams.window, upstreams.largest)
    connection.client(opened.encode())
    connection.upstream(confirmed.encode())
    connection.run(b"subsystem", b"sftp")
    return connection


def _talk(connection: Connection, client: _Side, upstream: _Side) -> None:
    """Until nobody has anything to say."""
    answered = 0
    for turn in range(_MOST_TURNS):
        asking, answering = client.say(turn), upstream.say(turn)
        connection.client(*asking)
        connection.upstream(*answering)
        to_client, to_upstream = connection.taken()
        if not (asking or answering or to_client or to_upstream):
            return
        for packet in to_client:
            connection.client(*client.take(packet))
        for packet in to_upstream:
            connection.upstream(*upstream.take(packet))
        for asked in _messages(upstream.incoming[answered:]):
            answered += len(asked)
            upstream.outgoing += _answer(int.from_bytes(asked[5:9], "big"))
    raise AssertionError("they do not come to an end")


def _answer(number: int) -> bytes:
    return names(number, b"n" * (number % 50))


def _messages(content: bytes) -> list[bytes]:
    """Those that are whole."""
    found = []
    while len(content) >= (end := 4 + int.from_bytes(content[:4], "big")) and content:
        found.append(content[:end])
        content = content[end:]
    return found

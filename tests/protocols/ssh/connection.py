"""One connection between a client and a server that exist as packets only, with the channels
between them: what each side sends, what the other gets of it, and what the audit is told.

The client numbers its channels from 0, upstream from 100.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from protocols.api import Event
from protocols.ssh.channels import Channels, Verdict
from protocols.ssh.encoding import boolean, string, uint32
from protocols.ssh.messages import (
    ChannelOpen,
    ChannelOpenConfirmation,
    ChannelRequest,
    ChannelWindowAdjust,
    GlobalRequest,
    Message,
    channel_data,
    channel_packet,
)
from protocols.ssh.options import SshOptions

WINDOW = 1 << 21
LARGEST = 1 << 15
ANY = SshOptions()
READ_ONLY = SshOptions(shell=False, exec=(), sftp="read-only")
T = TypeVar("T", bound=Event)


@dataclass
class Tape:
    """A recording."""

    lines: bytes = b""
    closed: bool = False

    def write(self, lines: bytes) -> None:
        assert not self.closed
        self.lines += lines

    def close(self) -> None:
        self.closed = True


@dataclass
class Connection:
    """Verdicts are carried out: `to_client` and `to_upstream` are what either side was sent, until
    it is `taken`."""

    options: SshOptions = ANY
    events: list[Event] = field(default_factory=list)
    tapes: dict[str, Tape] = field(default_factory=dict)
    to_client: list[bytes] = field(default_factory=list)
    to_upstream: list[bytes] = field(default_factory=list)
    now: float = 1000.0

    def __post_init__(self) -> None:
        self.channels = Channels(self.events.append, lambda: self.now, self.options, self.record)

    def record(self, name: str) -> Tape:
        assert name not in self.tapes
        return self.tapes.setdefault(name, Tape())

    # -- what either side sends -------------------------------------------------------------------

    def client(self, *packets: bytes) -> None:
        for packet in packets:
            verdict = _as_told(self.channels.client_sent(packet), packet)
            self.to_upstream += verdict.onward
            self.to_client += verdict.back

    def upstream(self, *packets: bytes) -> None:
        for packet in packets:
            verdict = _as_told(self.channels.upstream_sent(packet), packet)
            self.to_client += verdict.onward
            self.to_upstream += verdict.back

    def taken(self) -> tuple[list[bytes], list[bytes]]:
        """What the client was sent, and what upstream was, since the last time."""
        taken = self.to_client, self.to_upstream
        self.to_client, self.to_upstream = [], []
        return taken

    def told(self, kind: type[T]) -> list[T]:
        return [event for event in self.events if isinstance(event, kind)]

    # -- what is in the way of most tests ---------------------------------------------------------

    def open(
        self, number: int = 0, kind: bytes = b"session", details: bytes = b"", window: int = WINDOW
    ) -> int:
        """The client opens a channel, upstream confirms it, and nothing was said yet."""
        self.client(ChannelOpen(kind, number, window, LARGEST, details).encode())
        self.upstream(confirmation(number, 100 + number))
        self.taken()
        return number

    def run(self, name: bytes, words: bytes | None = None, number: int = 0) -> None:
        """The client starts a program, and upstream lets it."""
        details = b"" if words is None else string(words)
        self.client(request(100 + number, name, details))
        self.upstream(success(number))
        self.taken()

    def run_pty(self, terminal: bytes, number: int = 0) -> None:
        """The client has a terminal, and upstream knows."""
        self.client(request(100 + number, b"pty-req", terminal))
        self.upstream(success(number))
        self.taken()

    def end(self, number: int = 0) -> None:
        """Both sides close a channel."""
        self.upstream(close(number))
        self.client(close(100 + number))


def _as_told(verdict: Verdict | None, packet: bytes) -> Verdict:
    return Verdict((packet,)) if verdict is None else verdict


# -- packets --------------------------------------------------------------------------------------


def confirmation(recipient: int, sender: int, window: int = WINDOW) -> bytes:
    return ChannelOpenConfirmation(recipient, sender, window, LARGEST).encode()


def request(recipient: int, name: bytes, details: bytes = b"", *, want_reply: bool = True) -> bytes:
    return ChannelRequest(recipient, name, want_reply, details).encode()


def global_request(name: bytes, details: bytes = b"", *, want_reply: bool = True) -> bytes:
    return GlobalRequest(name, want_reply, details).encode()


def pty(columns: int = 80, rows: int = 24, kind: bytes = b"xterm") -> bytes:
    """What pty-req says."""
    return string(kind) + size(columns, rows) + string(b"\0")


def size(columns: int, rows: int) -> bytes:
    """What window-change says."""
    return uint32(columns) + uint32(rows) + uint32(0) + uint32(0)


def env(name: bytes, value: bytes) -> bytes:
    return string(name) + string(value)


def exit_status(recipient: int, status: int) -> bytes:
    return request(recipient, b"exit-status", uint32(status), want_reply=False)


def exit_signal(recipient: int, name: bytes) -> bytes:
    details = string(name) + boolean(False) + string(b"") + string(b"")
    return request(recipient, b"exit-signal", details, want_reply=False)


def success(recipient: int) -> bytes:
    return channel_packet(Message.CHANNEL_SUCCESS, recipient)


def failure(recipient: int) -> bytes:
    return channel_packet(Message.CHANNEL_FAILURE, recipient)


def eof(recipient: int) -> bytes:
    return channel_packet(Message.CHANNEL_EOF, recipient)


def close(recipient: int) -> bytes:
    return channel_packet(Message.CHANNEL_CLOSE, recipient)


def adjust(recipient: int, by: int) -> bytes:
    return ChannelWindowAdjust(recipient, by).encode()


def data(recipient: int, content: bytes) -> bytes:
    return channel_data(recipient, content)


def contents(packets: Sequence[bytes]) -> bytes:
    """All that packets of data bear."""
    return b"".join(packet[9:] for packet in packets if packet[0] == Message.CHANNEL_DATA)


def tcp(host: bytes, port: int, origin: bytes = b"127.0.0.1", origin_port: int = 40000) -> bytes:
    """Where a forwarded connection goes, and whose it is."""
    return string(host) + uint32(port) + string(origin) + uint32(origin_port)

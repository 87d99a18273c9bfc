"""The connection protocol's messages, by the specification's names: decode beside encode.

A message is a packet's payload, its type byte first; decoding and encoding again gives the same
bytes. What flows in channels is not taken apart here: `data_of` says where it is. Source: RFC 4254.
"""

from dataclasses import dataclass
from enum import IntEnum
from typing import Self

from protocols.ssh.encoding import Malformed, Reader, boolean, string, uint32

_LONGEST_NAME = 64  # bytes; RFC 4250, section 4.6.1
STDERR = 1
"""The only type of extended data there is."""
_DATA_AT = 9
_EXTENDED_DATA_AT = 13


class Message(IntEnum):
    """Types of packets, those of the connection protocol."""

    GLOBAL_REQUEST = 80
    REQUEST_SUCCESS = 81
    REQUEST_FAILURE = 82
    CHANNEL_OPEN = 90
    CHANNEL_OPEN_CONFIRMATION = 91
    CHANNEL_OPEN_FAILURE = 92
    CHANNEL_WINDOW_ADJUST = 93
    CHANNEL_DATA = 94
    CHANNEL_EXTENDED_DATA = 95
    CHANNEL_EOF = 96
    CHANNEL_CLOSE = 97
    CHANNEL_REQUEST = 98
    CHANNEL_SUCCESS = 99
    CHANNEL_FAILURE = 100


class OpenFailureReason(IntEnum):
    """Why a channel was not opened."""

    ADMINISTRATIVELY_PROHIBITED = 1
    CONNECT_FAILED = 2
    UNKNOWN_CHANNEL_TYPE = 3
    RESOURCE_SHORTAGE = 4


REQUEST_FAILURE = bytes((Message.REQUEST_FAILURE,))


@dataclass(frozen=True, slots=True)
class GlobalRequest:
    """Asks for something that belongs to no channel; `details` are the request's own fields."""

    name: bytes
    want_reply: bool
    details: bytes = b""

    @classmethod
    def decode(cls, packet: bytes) -> Self:
        reader = Reader(packet, 1)
        return cls(reader.string(_LONGEST_NAME), reader.boolean(), reader.rest())

    def encode(self) -> bytes:
        head = bytes((Message.GLOBAL_REQUEST,)) + string(self.name)
        return head + boolean(self.want_reply) + self.details


@dataclass(frozen=True, slots=True)
class ChannelOpen:
    """Asks for a channel; `details` are the channel type's own fields."""

    kind: bytes
    sender: int
    window: int
    largest: int
    details: bytes = b""

    @classmethod
    def decode(cls, packet: bytes) -> Self:
        reader = Reader(packet, 1)
        kind = reader.string(_LONGEST_NAME)
        return cls(kind, reader.uint32(), reader.uint32(), reader.uint32(), reader.rest())

    def encode(self) -> bytes:
        numbers = uint32(self.sender) + uint32(self.window) + uint32(self.largest)
        return bytes((Message.CHANNEL_OPEN,)) + string(self.kind) + numbers + self.details


@dataclass(frozen=True, slots=True)
class ChannelOpenConfirmation:
    """A channel is open; `sender` is its number with whoever sends this."""

    recipient: int
    sender: int
    window: int
    largest: int
    details: bytes = b""

    @classmethod
    def decode(cls, packet: bytes) -> Self:
        reader = Reader(packet, 1)
        numbers = reader.uint32(), reader.uint32(), reader.uint32(), reader.uint32()
        return cls(*numbers, reader.rest())

    def encode(self) -> bytes:
        numbers = (self.recipient, self.sender, self.window, self.largest)
        head = bytes((Message.CHANNEL_OPEN_CONFIRMATION,))
        return head + b"".join(map(uint32, numbers)) + self.details


@dataclass(frozen=True, slots=True)
class ChannelOpenFailure:
    """A channel is not opened. Some leave out the sentence, and its language."""

    recipient: int
    reason: int
    description: bytes = b""
    language: bytes = b""

    @classmethod
    def decode(cls, packet: bytes) -> Self:
        reader = Reader(packet, 1)
        recipient, reason = reader.uint32(), reader.uint32()
        description = reader.string() if reader.left else b""
        return cls(recipient, reason, description, reader.string() if reader.left else b"")

    def encode(self) -> bytes:
        head = bytes((Message.CHANNEL_OPEN_FAILURE,)) + uint32(self.recipient)
        return head + uint32(self.reason) + string(self.description) + string(self.language)


@dataclass(frozen=True, slots=True)
class ChannelWindowAdjust:
    """So many bytes more may be sent to whoever sends this."""

    recipient: int
    size: int

    @classmethod
    def decode(cls, packet: bytes) -> Self:
        reader = Reader(packet, 1)
        message = cls(reader.uint32(), reader.uint32())
        reader.end()
        return message

    def encode(self) -> bytes:
        head = bytes((Message.CHANNEL_WINDOW_ADJUST,))
        return head + uint32(self.recipient) + uint32(self.size)


@dataclass(frozen=True, slots=True)
class ChannelRequest:
    """Asks for something of one channel; `details` are the request's own fields."""

    recipient: int
    name: bytes
    want_reply: bool
    details: bytes = b""

    @classmethod
    def decode(cls, packet: bytes) -> Self:
        reader = Reader(packet, 1)
        recipient, name = reader.uint32(), reader.string(_LONGEST_NAME)
        return cls(recipient, name, reader.boolean(), reader.rest())

    def encode(self) -> bytes:
        head = bytes((Message.CHANNEL_REQUEST,)) + uint32(self.recipient)
        return head + string(self.name) + boolean(self.want_reply) + self.details


def recipient_of(packet: bytes) -> int:
    """The channel that any packet is for whose type is above CHANNEL_OPEN, by its recipient's
    number."""
    if len(packet) < 5:
        raise Malformed("it names no channel")
    return int.from_bytes(packet[1:5], "big")


def is_data(packet: bytes) -> bool:
    return packet[0] in (Message.CHANNEL_DATA, Message.CHANNEL_EXTENDED_DATA)


def data_of(packet: bytes) -> memoryview:
    """What CHANNEL_DATA or CHANNEL_EXTENDED_DATA bears."""
    start = _data_at(packet)
    if len(packet) < start or int.from_bytes(packet[start - 4 : start], "big") != (
        len(packet) - start
    ):
        raise Malformed("its data is not as long as it says")
    return memoryview(packet)[start:]


def cut(packet: bytes, size: int) -> tuple[bytes, bytes]:
    """One packet's data in two: `size` bytes of it, and the rest."""
    start = _data_at(packet)
    head, data = packet[: start - 4], packet[start:]
    return head + string(data[:size]), head + string(data[size:])


def _data_at(packet: bytes) -> int:
    return _DATA_AT if packet[0] == Message.CHANNEL_DATA else _EXTENDED_DATA_AT


def channel_packet(message: Message, recipient: int) -> bytes:
    """Any message that says nothing but its type and its channel."""
    return bytes((message,)) + uint32(recipient)


def channel_data(recipient: int, data: bytes | memoryview) -> bytes:
    head = bytes((Message.CHANNEL_DATA,)) + uint32(recipient)
    return b"".join((head, uint32(len(data)), data))


def stderr_data(recipient: int, data: bytes) -> bytes:
    head = bytes((Message.CHANNEL_EXTENDED_DATA,)) + uint32(recipient)
    return head + uint32(STDERR) + string(data)

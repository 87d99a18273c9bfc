"""Every message type's decoder: foreign bytes are a ValueError, and others survive unchanged."""

from struct import pack

from protocols.postgres.messages import (
    CANCEL_REQUEST_CODE,
    Authentication,
    CancelRequest,
    ErrorResponse,
    NegotiateProtocolVersion,
    StartupMessage,
)
from tests.fuzz import decoders
from tests.fuzz.conversation import Conversation
from tests.fuzz.decoders import Decoders
from tests.fuzz.postgres.framing import MESSAGES
from tests.fuzz.target import Checked
from tests.wire import message


def _packet(head: bytes, body: bytes) -> bytes:
    return pack(">I", 4 + len(head) + len(body)) + head + body


def _startup(body: bytes) -> tuple[bytes, bytes]:
    packet = _packet(b"", body.ljust(4, b"\0"))
    decoded = StartupMessage.decode(packet)
    names = packet[8:].split(b"\0")[:-2:2]
    return (packet, packet if len(set(names)) < len(names) else decoded.encode())


def _cancel(body: bytes) -> tuple[bytes, bytes]:
    packet = _packet(CANCEL_REQUEST_CODE, body)
    return packet, CancelRequest.decode(packet).encode()


_DECODERS: Decoders = {
    "StartupMessage": _startup,
    "CancelRequest": _cancel,
    "NegotiateProtocolVersion": lambda body: (
        message(b"v", body),
        NegotiateProtocolVersion.decode(body).encode(),
    ),
    "Authentication": lambda body: (message(b"R", body), Authentication.decode(body).encode()),
    "ErrorResponse": lambda body: (message(b"E", body), ErrorResponse.decode(body).encode()),
}


def check(conversation: Conversation) -> Checked:
    packets = (packet for step in conversation.steps for packet in MESSAGES.split(step.data))
    return decoders.check(_DECODERS, (packet[MESSAGES.header :] for packet in packets))

"""Every message type's decoder: foreign bytes are a ValueError, and others survive unchanged."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from struct import pack

from protocols.postgres.messages import (
    CANCEL_REQUEST_CODE,
    Authentication,
    CancelRequest,
    ErrorResponse,
    NegotiateProtocolVersion,
    StartupMessage,
)
from tests.fuzz.conversation import Conversation
from tests.fuzz.limits import in_time
from tests.fuzz.postgres.framing import MESSAGES
from tests.fuzz.target import Breach, Checked
from tests.wire import message

_SECONDS, _SECONDS_PER_BYTE = 0.005, 2e-6


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


_DECODERS: Mapping[str, Callable[[bytes], tuple[bytes, bytes]]] = {
    "StartupMessage": _startup,
    "CancelRequest": _cancel,
    "NegotiateProtocolVersion": lambda body: (
        message(b"v", body),
        NegotiateProtocolVersion.decode(body).encode(),
    ),
    "Authentication": lambda body: (message(b"R", body), Authentication.decode(body).encode()),
    "ErrorResponse": lambda body: (message(b"E", body), ErrorResponse.decode(body).encode()),
}
"""By name: a message as it came, and as it is after it was decoded and encoded."""


def check(conversation: Conversation) -> Checked:
    decoded, count = [], 0
    for step in conversation.steps:
        for packet in MESSAGES.split(step.data):
            body = packet[MESSAGES.header :]
            bound = _SECONDS + _SECONDS_PER_BYTE * len(body)
            decoded += in_time(lambda body=body: _decode(body), bound)  # type: ignore[misc]
            count += 1
    return Checked(count, tuple(decoded))


def _decode(body: bytes) -> list[str]:
    """The names of those that take it for theirs."""
    takers = []
    for name, survive in _DECODERS.items():
        with suppress(ValueError):
            before, after = survive(body)
            takers.append(name)
            if before != after:
                raise Breach(f"{name} {before!r} becomes {after!r}")
    return takers

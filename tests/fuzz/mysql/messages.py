"""Every packet's decoder: foreign bytes are a ValueError, and what is read survives encoding."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace

from protocols.mysql.capabilities import NEEDED, Capability, offered
from protocols.mysql.change_user import ChangeUser
from protocols.mysql.greeting import Greeting
from protocols.mysql.messages import (
    AuthSwitchRequest,
    ErrPacket,
    HandshakeResponse,
    OkPacket,
    decode_attributes,
    encode_attributes,
)
from protocols.mysql.passwords import parsec_salt
from tests.fuzz.conversation import Conversation
from tests.fuzz.limits import in_time
from tests.fuzz.mysql.framing import PACKETS, body
from tests.fuzz.target import Breach, Checked
from tests.protocols.mysql.server import SCRAMBLE

_SECONDS, _SECONDS_PER_BYTE = 0.005, 2e-6
_OFFER = offered(Capability((1 << 38) - 1), "9.7.4", local_files=True)

Pair = tuple[object, object]


def _greeting(payload: bytes) -> Pair:
    shown = Greeting.decode(payload).for_clients(SCRAMBLE, local_files=True)
    return shown, Greeting.decode(shown.encode())


def _response(payload: bytes) -> Pair:
    decoded = HandshakeResponse.decode(payload, _OFFER)
    said = replace(decoded, capabilities=decoded.capabilities | NEEDED)
    return said, HandshakeResponse.decode(said.encode(), _OFFER)


def _attributes(payload: bytes) -> Pair:
    told = decode_attributes(payload)
    return told, decode_attributes(encode_attributes(told))


def _change_user(payload: bytes) -> Pair:
    decoded = ChangeUser.decode(payload, Capability.PLUGIN_AUTH)
    without = ChangeUser.decode(payload, Capability.PROTOCOL_41)
    return replace(decoded, plugin=""), without


_DECODERS: Mapping[str, Callable[[bytes], Pair]] = {
    "Greeting": _greeting,
    "HandshakeResponse": _response,
    "attributes": _attributes,
    "ChangeUser": _change_user,
    "AuthSwitchRequest": lambda payload: (
        said := AuthSwitchRequest.decode(payload),
        AuthSwitchRequest.decode(said.encode()),
    ),
    "OkPacket": lambda payload: (
        said := OkPacket.decode(payload),
        OkPacket.decode(said.encode()),
    ),
    "ErrPacket": lambda payload: (
        said := ErrPacket.decode(payload),
        ErrPacket.decode(said.encode()),
    ),
    "parsec's salt": lambda payload: (parsec_salt(payload),) * 2,
}
"""By name: what a payload is, and what it is after it was encoded and decoded again."""


def check(conversation: Conversation) -> Checked:
    decoded, count = [], 0
    for step in conversation.steps:
        for packet in PACKETS.split(step.data):
            payload = body(packet)
            bound = _SECONDS + _SECONDS_PER_BYTE * len(payload)
            decoded += in_time(lambda payload=payload: _decode(payload), bound)  # type: ignore[misc]
            count += 1
    return Checked(count, tuple(decoded))


def _decode(payload: bytes) -> list[str]:
    """The names of those that take it for theirs."""
    takers = []
    for name, survive in _DECODERS.items():
        with suppress(ValueError):
            before, after = survive(payload)
            takers.append(name)
            if before != after:
                raise Breach(f"{name} {before!r} becomes {after!r}")
    return takers

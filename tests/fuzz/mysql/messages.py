"""Every packet's decoder: foreign bytes are a ValueError, and what is read survives encoding."""

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
from tests.fuzz import decoders
from tests.fuzz.conversation import Conversation
from tests.fuzz.decoders import Decoders
from tests.fuzz.mysql.framing import PACKETS, body
from tests.fuzz.target import Checked
from tests.protocols.mysql.server import SCRAMBLE

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


_DECODERS: Decoders = {
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


def check(conversation: Conversation) -> Checked:
    packets = (packet for step in conversation.steps for packet in PACKETS.split(step.data))
    return decoders.check(_DECODERS, (body(packet) for packet in packets))

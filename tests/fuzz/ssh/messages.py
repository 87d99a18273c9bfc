"""Every message's decoder, and every reader of details: foreign bytes are a ValueError, and what is
read of others is read of what they are encoded to as well."""

from collections.abc import Callable
from typing import Any

from protocols.ssh import requests, targets
from protocols.ssh.messages import (
    ChannelOpen,
    ChannelOpenConfirmation,
    ChannelOpenFailure,
    ChannelRequest,
    ChannelWindowAdjust,
    GlobalRequest,
    channel_data,
    data_of,
)
from protocols.ssh.sftp_messages import decode_request
from tests.fuzz import decoders
from tests.fuzz.conversation import Conversation
from tests.fuzz.decoders import Decoders
from tests.fuzz.ssh.framing import whole
from tests.fuzz.target import Checked

_Pair = tuple[Any, Any]
_MESSAGES = (
    *(ChannelOpen, ChannelOpenConfirmation, ChannelOpenFailure),
    *(ChannelWindowAdjust, ChannelRequest, GlobalRequest),
)
_READERS: tuple[Callable[[bytes], Any], ...] = (
    *(requests.pty_req, requests.window_change, requests.exec_or_subsystem, requests.env),
    *(requests.exit_status, requests.exit_signal),
    *(targets.read_tcp, targets.read_direct_socket, targets.read_forwarded_socket),
    *(targets.read_x11, targets.read_agent),
    *(targets.read_tcp_listener, targets.read_socket_listener),
)


def _of_message(kind: Any) -> Callable[[bytes], _Pair]:
    def survive(packet: bytes) -> _Pair:
        decoded = kind.decode(packet)
        return decoded, kind.decode(decoded.encode())

    return survive


def _of_details(read: Callable[[bytes], Any]) -> Callable[[bytes], _Pair]:
    """What is behind the fields that all requests have, or all that open a channel."""

    def survive(packet: bytes) -> _Pair:
        of_request = ChannelRequest.decode(packet).details
        return read(of_request), read(bytes(bytearray(of_request)))

    return survive


def _data(packet: bytes) -> _Pair:
    if not packet or packet[0] != 94:
        raise ValueError
    return packet, channel_data(int.from_bytes(packet[1:5], "big"), data_of(packet))


def _request(packet: bytes) -> _Pair:
    if not packet:
        raise ValueError
    return decode_request(packet[0], packet[1:]), decode_request(packet[0], bytearray(packet[1:]))


_DECODERS: Decoders = {
    **{kind.__name__: _of_message(kind) for kind in _MESSAGES},
    **{read.__name__: _of_details(read) for read in _READERS},
    "data": _data,
    "Request": _request,
}


def check(conversation: Conversation) -> Checked:
    packets = (packet for step in conversation.steps for packet in whole(step.data))
    return decoders.check(_DECODERS, packets)

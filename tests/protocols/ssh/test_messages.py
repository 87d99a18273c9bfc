"""Messages of the connection protocol: decoding and encoding again gives the same bytes."""

from collections.abc import Callable

import pytest

from protocols.ssh.encoding import Malformed
from protocols.ssh.messages import (
    ChannelOpen,
    ChannelOpenConfirmation,
    ChannelOpenFailure,
    ChannelRequest,
    ChannelWindowAdjust,
    GlobalRequest,
    channel_data,
    cut,
    data_of,
    recipient_of,
    stderr_data,
)

_MESSAGES = [
    (GlobalRequest, GlobalRequest(b"tcpip-forward", True, b"\0\0\0\0\0\0\0\x16")),
    (ChannelOpen, ChannelOpen(b"session", 7, 1 << 21, 1 << 15)),
    (ChannelOpen, ChannelOpen(b"x11", 2**32 - 1, 0, 1, b"details")),
    (ChannelOpenConfirmation, ChannelOpenConfirmation(7, 3, 0, 1 << 15, b"more")),
    (ChannelOpenFailure, ChannelOpenFailure(7, 1, b"not here", b"en")),
    (ChannelWindowAdjust, ChannelWindowAdjust(7, 2**32 - 1)),
    (ChannelRequest, ChannelRequest(7, b"exec", False, b"\0\0\0\4true")),
]


@pytest.mark.parametrize(("kind", "message"), _MESSAGES)
def test_what_is_decoded_is_what_was_encoded(kind: type[ChannelOpen], message: ChannelOpen) -> None:
    packet = message.encode()
    assert kind.decode(packet) == message
    assert kind.decode(packet).encode() == packet


@pytest.mark.parametrize(("kind", "message"), _MESSAGES)
def test_a_message_that_is_cut_is_malformed(kind: type[ChannelOpen], message: ChannelOpen) -> None:
    details = len(getattr(message, "details", b""))
    packet = message.encode()[: -details or None]
    shortest = 9 if isinstance(message, ChannelOpenFailure) else len(packet)
    for size in range(1, shortest):
        with pytest.raises(Malformed):
            kind.decode(packet[:size])


def test_a_failure_may_have_no_sentence() -> None:
    assert ChannelOpenFailure.decode(b"\x5c\0\0\0\7\0\0\0\2") == ChannelOpenFailure(7, 2)


def test_a_name_is_no_longer_than_names_may_be() -> None:
    ChannelRequest.decode(ChannelRequest(0, b"n" * 64, False).encode())
    with pytest.raises(Malformed, match="65 bytes long"):
        ChannelRequest.decode(ChannelRequest(0, b"n" * 65, False).encode())


def test_a_window_adjust_has_nothing_behind_it() -> None:
    with pytest.raises(Malformed, match="1 bytes too many"):
        ChannelWindowAdjust.decode(ChannelWindowAdjust(0, 1).encode() + b"x")


@pytest.mark.parametrize("packet", [channel_data(5, b"abc"), stderr_data(5, b"abc")])
def test_data_are_found(packet: bytes) -> None:
    assert bytes(data_of(packet)) == b"abc"
    assert recipient_of(packet) == 5
    for broken in (packet[:-1], packet + b"x", packet[:6], packet[:-4]):
        with pytest.raises(Malformed, match="not as long as it says"):
            data_of(broken)


@pytest.mark.parametrize("make", [channel_data, stderr_data])
def test_data_are_cut_in_two(make: Callable[[int, bytes], bytes]) -> None:
    first, rest = cut(make(5, b"abcdef"), 2)
    assert (first, rest) == (make(5, b"ab"), make(5, b"cdef"))


def test_a_packet_of_a_channel_says_which() -> None:
    with pytest.raises(Malformed, match="no channel"):
        recipient_of(b"\x60\0\0\0")

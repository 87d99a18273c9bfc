"""Bytes become packets however they were cut, and nothing is buffered that no packet may hold."""

import struct
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.api import Disconnected, Side
from protocols.errors import ClientProtocolError, ServerProtocolError
from protocols.postgres.inbox import Inbox, Message
from tests.protocols.script import Script
from tests.wire import message, startup


def test_packets_are_taken_whole_and_the_rest_stays(cut: int) -> None:
    script = Script([startup(user="joe") + b"rest"], cut=cut)
    inbox = Inbox(Side.CLIENT)
    assert script.run(inbox.peek(2)) == b"\0\0"
    assert script.run(inbox.startup_packet()) == startup(user="joe")
    assert inbox.drain() + script.to_client.unread == b"rest"
    assert inbox.empty


def test_messages_are_taken_whole(cut: int) -> None:
    script = Script([message(b"S", b"a\0b\0") + message(b"Z", b"I") + message(b"1")], cut=cut)
    inbox = Inbox(Side.CLIENT)
    assert script.run(inbox.message()) == Message(b"S", b"a\0b\0")
    assert script.run(inbox.message()) == Message(b"Z", b"I")
    assert script.run(inbox.message()).encode() == message(b"1")
    with pytest.raises(Disconnected):
        script.run(inbox.message())


@pytest.mark.parametrize("length", [0, 4, 7, 10_005, 2**31 - 1, 2**31, 2**32 - 1])
def test_a_startup_length_out_of_bounds_is_refused_at_once(cut: int, length: int) -> None:
    script = Script([struct.pack(">I", length) + bytes(20_000)], cut=cut)
    with pytest.raises(ClientProtocolError, match=f"invalid length of startup packet: {length} "):
        script.run(Inbox(Side.CLIENT).startup_packet())
    assert script.to_client.read in (4, 8, 7, 20_004)  # the pieces that hold the length, no more


def test_a_client_that_says_goodbye_at_once_has_left(cut: int) -> None:
    with pytest.raises(Disconnected):
        Script([message(b"X") + b"more"], cut=cut).run(Inbox(Side.CLIENT).startup_packet())


@pytest.mark.parametrize("length", [8, 9, 10_004])
def test_a_startup_length_within_bounds_is_read(cut: int, length: int) -> None:
    packet = struct.pack(">I", length) + bytes(length - 4)
    assert Script([packet], cut=cut).run(Inbox(Side.CLIENT).startup_packet()) == packet


@pytest.mark.parametrize(
    ("kind", "length"),
    [(b"R", 2_001), (b"E", 30_001), (b"S", 30_001), (b"Z", 3), (b"R", 0), (b"E", 2**31)],
)
def test_a_message_no_login_has_is_refused_by_its_header(kind: bytes, length: int) -> None:
    script = Script([kind + struct.pack(">I", length) + bytes(40_000)], cut=1)
    with pytest.raises(ServerProtocolError, match="does not speak PostgreSQL's protocol") as caught:
        script.run(Inbox(Side.CLIENT).message())
    assert caught.value.detail == f"message {kind!r} claims {length} bytes"
    assert script.to_client.read == 5


@pytest.mark.parametrize(("kind", "length"), [(b"R", 2_000), (b"E", 30_000), (b"Z", 4)])
def test_a_message_of_the_greatest_length_is_read(kind: bytes, length: int) -> None:
    script = Script([message(kind, bytes(length - 4))], cut=7)
    assert script.run(Inbox(Side.CLIENT).message()) == Message(kind, bytes(length - 4))


@given(st.binary(min_size=1, max_size=200), st.integers(1, 50))
def test_foreign_bytes_are_a_refusal_or_a_disconnect(raw: bytes, cut: int) -> None:
    inbox, script = Inbox(Side.CLIENT), Script([raw], cut=cut)
    with suppress(ServerProtocolError, Disconnected):
        while True:
            script.run(inbox.message())

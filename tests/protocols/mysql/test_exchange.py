"""Packets of the handshake: put together however they were cut, numbered in turn, bounded."""

from collections.abc import Generator
from typing import Any

import pytest

from protocols.api import Command, Side
from protocols.errors import ClientProtocolError, Reason, ServerProtocolError
from protocols.mysql.exchange import Exchange
from tests.protocols.mysql.server import Script, numbered, packet


def _receive(exchange: Exchange, count: int) -> Generator[Command, Any, list[bytes]]:
    received: list[bytes] = []
    while len(received) < count:
        received.append((yield from exchange.receive()))
    return received


def test_packets_are_put_together(cut: int) -> None:
    script = Script([numbered(0, b"one", b"", b"three")], cut=cut)
    script.to_client.waits = False
    exchange = Exchange(Side.CLIENT)
    assert script.run(_receive(exchange, 3)) == [b"one", b"", b"three"]
    assert exchange.sequence == 3
    assert exchange.empty


def test_both_ends_count_together(cut: int) -> None:
    script = Script(servers=[[numbered(0, b"hello"), numbered(3, b"bye")]], cut=cut)
    script.connect()
    exchange = Exchange(Side.UPSTREAM)

    def talk() -> Generator[Command, Any, bytes]:
        yield from exchange.receive()
        yield from exchange.send(b"first", b"second")
        return (yield from exchange.receive())

    assert script.run(talk()) == b"bye"
    assert script.said(Side.UPSTREAM) == [numbered(1, b"first", b"second")]
    assert exchange.sequence == 4


def test_the_count_begins_again_after_255() -> None:
    exchange = Exchange(Side.UPSTREAM)
    exchange.sequence = 255
    script = Script(servers=[[packet(255, b"last"), packet(1, b"x")]])
    script.connect()
    script.run(_receive(exchange, 1))
    script.run(exchange.send(b"next"))
    assert script.said(Side.UPSTREAM) == [packet(0, b"next")]
    assert script.run(_receive(exchange, 1)) == [b"x"]


def test_what_is_left_is_kept() -> None:
    script = Script([numbered(0, b"one", b"two")])
    script.to_client.waits = False
    exchange = Exchange(Side.CLIENT)
    script.run(_receive(exchange, 1))
    assert not exchange.empty
    assert exchange.drain() == packet(1, b"two")
    assert exchange.empty


@pytest.mark.parametrize("number", [0, 2, 255])
def test_a_packet_out_of_its_turn_is_refused(cut: int, number: int) -> None:
    script = Script([packet(number, b"x")], cut=cut)
    script.to_client.waits = False
    exchange = Exchange(Side.CLIENT)
    exchange.sequence = 1
    with pytest.raises(ClientProtocolError, match=f"packet {number} came where 1 is due"):
        script.run(_receive(exchange, 1))


def test_a_server_that_speaks_something_else_is_told_apart(cut: int) -> None:
    script = Script(servers=[[b"SSH-2.0-OpenSSH_9.2p1\r\n"]], cut=cut)
    script.connect()
    with pytest.raises(ServerProtocolError, match="does not speak MySQL's protocol"):
        script.run(_receive(Exchange(Side.UPSTREAM), 1))


def test_a_claim_is_bounded_before_anything_is_buffered() -> None:
    claim = ((1 << 20) + 1).to_bytes(3, "little") + b"\0"
    script = Script([claim + bytes(100)], cut=4)
    script.to_client.waits = False
    with pytest.raises(ClientProtocolError, match="claims 1048577 bytes") as caught:
        script.run(_receive(Exchange(Side.CLIENT), 1))
    assert caught.value.reason is Reason.OVERSIZED
    assert script.to_client.read == 4


def test_the_largest_packet_is_taken() -> None:
    script = Script([packet(0, bytes(1 << 20))])
    script.to_client.waits = False
    assert script.run(_receive(Exchange(Side.CLIENT), 1)) == [bytes(1 << 20)]

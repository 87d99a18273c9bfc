"""Two legs that are each other's peers, on a wire that cuts and changes what goes over it.

One is the server, the other its client, both as the proxy has them. What one is told to relay, the
other hands on.
"""

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import asyncssh
import pytest

from protocols.api import TcpEndpoint
from protocols.ssh import gcm, packets
from protocols.ssh.client_side import make_host_key
from protocols.ssh.legs import ClientLeg, Leg, UpstreamLeg
from protocols.ssh.messages import Message, channel_data
from protocols.ssh.settings import as_client, as_server
from protocols.ssh.wire import Outgoing

_PACKETS = [channel_data(number, os.urandom(number * 997 % 33_000)) for number in range(150)]
_HOST_KEY = make_host_key()
_GCM, _CHACHA, _CTR = "aes128-gcm@openssh.com", "chacha20-poly1305@openssh.com", "aes128-ctr"


class _Server(asyncssh.SSHServer):
    def begin_auth(self, username: str) -> bool:
        return False


class _Client(asyncssh.SSHClient):
    def __init__(self) -> None:
        self.ended: list[Exception | None] = []

    def connection_lost(self, exc: Exception | None) -> None:
        self.ended.append(exc)


@dataclass
class Wire:
    """What comes at each end, and what may happen on the way: `cut` says how many bytes go on at
    once, and `change` sees all that goes to the client."""

    server: ClientLeg
    client: UpstreamLeg
    owner: _Client
    at_server: list[bytes] = field(default_factory=list)
    at_client: list[bytes] = field(default_factory=list)
    cut: Callable[[], int] = lambda: 1 << 20
    change: Callable[[bytearray], None] = lambda data: None

    async def carry(self, reader: asyncio.StreamReader, writer: Any, *, to_client: bool) -> None:
        while data := bytearray(await reader.read(1 << 20)):
            if to_client:
                self.change(data)
            while data:
                writer.write(data[: (size := self.cut())])
                await writer.drain()
                del data[:size]
                await asyncio.sleep(0)
        writer.close()

    def send(self, packets: list[bytes], *, to_client: bool) -> None:
        leg: Leg = self.server if to_client else self.client
        for packet in packets:
            leg.relay(packet)
        leg.flush()


@asynccontextmanager
async def _wire(ciphers: str = _GCM) -> AsyncIterator[Wire]:
    """Both are in."""
    loop, owner = asyncio.get_running_loop(), _Client()
    server = ClientLeg(as_server(_HOST_KEY), _Server())
    options = as_client("joe", TcpEndpoint("localhost", 22), None)
    client = UpstreamLeg(options, owner)
    client._enc_algs = [ciphers.encode()]
    wire = Wire(server, client, owner)
    server.passed, client.passed = wire.at_server.append, wire.at_client.append
    tasks, inner = [], []
    for leg in (server, client):
        ours, theirs = socket.socketpair()
        await loop.connect_accepted_socket(lambda leg=leg: leg.protocol, ours)  # type: ignore[misc]
        inner.append(await asyncio.open_connection(sock=theirs, limit=1 << 20))
    (from_server, to_server), (from_client, to_client) = inner
    tasks.append(asyncio.create_task(wire.carry(from_server, to_client, to_client=True)))
    tasks.append(asyncio.create_task(wire.carry(from_client, to_server, to_client=False)))
    try:
        await _until(lambda: server._auth_complete and client._auth_complete)
        yield wire
    finally:
        server.cut()
        client.cut()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _until(true: Callable[[], object]) -> None:
    async with asyncio.timeout(20):
        while not true():
            await asyncio.sleep(0.005)


def _sizes(*sizes: int) -> Callable[[], int]:
    def endless() -> Iterator[int]:
        while True:
            yield from sizes

    return endless().__next__


@pytest.mark.parametrize("ciphers", [_GCM, "aes256-gcm@openssh.com", _CHACHA, _CTR])
@pytest.mark.parametrize("sizes", [(1 << 20,), (1, 3, 5000, 70_000, 17), (16,)])
async def test_packets_arrive_however_the_wire_cuts_them(
    ciphers: str, sizes: tuple[int, ...]
) -> None:
    sent = _PACKETS[:12] if sizes == (16,) else _PACKETS
    async with _wire(ciphers) as wire:
        wire.cut = _sizes(*sizes)
        wire.send(sent, to_client=True)
        wire.send(sent, to_client=False)
        await _until(lambda: len(wire.at_client) == len(wire.at_server) == len(sent))
        assert wire.at_client == wire.at_server == sent
        assert wire.client._recv_seq == wire.server._send_seq
        assert wire.server._recv_seq == wire.client._send_seq


@pytest.mark.parametrize("ciphers", [_GCM, _CHACHA])
async def test_keys_change_on_the_way(ciphers: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both ends want them changed all the time, and nothing is lost, doubled or out of order; no
    nonce is used twice with one key."""
    used: list[tuple[int, bytes]] = []
    keys: list[gcm.Gcm] = []

    def counting(method: Any) -> Any:
        def seal(cipher: gcm.Gcm, *arguments: Any) -> Any:
            if cipher not in keys:
                keys.append(cipher)
            used.append((keys.index(cipher), cipher._nonce))
            return method(cipher, *arguments)

        return seal

    monkeypatch.setattr(gcm.Gcm, "seal", counting(gcm.Gcm.seal))
    monkeypatch.setattr(gcm.Gcm, "encrypt_packet", counting(gcm.Gcm.encrypt_packet))
    async with _wire(ciphers) as wire:
        for leg in (wire.server, wire.client):
            leg._rekey_bytes = 200_000
        for begin in range(0, len(_PACKETS), 5):
            wire.send(_PACKETS[begin : begin + 5], to_client=True)
            wire.send(_PACKETS[begin : begin + 5], to_client=False)
            await asyncio.sleep(0.002)
        await _until(lambda: len(wire.at_client) == len(wire.at_server) == len(_PACKETS))
        assert wire.at_client == wire.at_server == _PACKETS
    if ciphers == _GCM:
        assert len(keys) > 10
        assert len(used) > 2 * len(_PACKETS)
        assert len(set(used)) == len(used)


async def test_nothing_is_taken_of_a_packet_that_was_changed_and_nothing_behind_it() -> None:
    async with _wire() as wire:
        wire.send([b"\x5efirst"], to_client=True)
        await _until(lambda: wire.at_client)

        def change(data: bytearray) -> None:
            data[-40] ^= 1  # in the second of three

        wire.change = change
        wire.send([b"\x5esecond", b"\x5ethird", b"\x5efourth"], to_client=True)
        await _until(lambda: wire.owner.ended)
        assert isinstance(wire.owner.ended[0], asyncssh.MACError)
        assert wire.at_client[0] == b"\x5efirst"
        assert b"\x5efourth" not in wire.at_client


@pytest.mark.parametrize("size", [(256 << 10) + 1, 0xFFFFFFFF])
async def test_a_packet_longer_than_any_ends_the_connection_at_once(size: int) -> None:
    async with _wire() as wire:

        def change(data: bytearray) -> None:
            data[:4] = size.to_bytes(4, "big")

        wire.change = change
        wire.send([b"\x5efirst"], to_client=True)
        await _until(lambda: wire.owner.ended)
        assert "Max packet size" in str(wire.owner.ended[0])
        assert not wire.at_client


async def test_a_packet_that_is_asyncsshs_is_in_its_order_among_the_others() -> None:
    async with _wire() as wire:
        wire.server.relay(b"\x5efirst")
        wire.server.send_packet(4, b"\0", b"\0\0\0\4word", b"\0\0\0\0")  # DEBUG
        wire.server.relay(b"\x5esecond")
        wire.server.flush()
        wire.server.send_packet(2, b"\0\0\0\0")  # IGNORE
        wire.send([b"\x5ethird"], to_client=True)
        await _until(lambda: len(wire.at_client) == 3)
        assert wire.at_client == [b"\x5efirst", b"\x5esecond", b"\x5ethird"]


async def test_a_client_that_waits_for_our_offer_gets_it() -> None:
    """And one that makes its own gets the best of it alone."""
    loop = asyncio.get_running_loop()
    for waits in (True, False):
        server = ClientLeg(as_server(_HOST_KEY), _Server())
        ours, theirs = socket.socketpair()
        await loop.connect_accepted_socket(lambda: server.protocol, ours)  # noqa: B023
        reader, writer = await asyncio.open_connection(sock=theirs)
        writer.write(b"SSH-2.0-Waiting\r\n")
        if not waits:
            names = [b"curve25519-sha256", b"ssh-ed25519"]
            names += [b"chacha20-poly1305@openssh.com,aes128-gcm@openssh.com"] * 2
            names += [b"hmac-sha2-256"] * 2 + [b"none"] * 2 + [b""] * 2
            lists = b"".join(len(name).to_bytes(4, "big") + name for name in names)
            body = b"\x14" + bytes(16) + lists + bytes(5)
            padding = 4 + -(len(body) + 9) % 8
            length = (len(body) + padding + 1).to_bytes(4, "big")
            writer.write(length + bytes((padding,)) + body + bytes(padding))
        await reader.readline()
        offer = await reader.readexactly(int.from_bytes(await reader.readexactly(4), "big"))
        assert offer[1] == 20
        assert (b"chacha20-poly1305@openssh.com" in offer) is waits
        assert b"aes128-gcm@openssh.com" in offer
        writer.close()
        server.cut()


class _Slow:
    """A transport whose kernel takes nothing: it keeps what it is given, as it is."""

    def __init__(self) -> None:
        self.kept: list[Any] = []

    def write(self, data: Any) -> None:
        self.kept.append(data)

    def get_write_buffer_size(self) -> int:
        return sum(map(len, self.kept))


@pytest.mark.parametrize("size", [100, 100_000])
def test_what_a_transport_keeps_does_not_change(size: int) -> None:
    slow: Any = _Slow()
    sent = b""
    for number in range(6):
        outgoing = Outgoing()
        for _ in range(2):
            outgoing.room(size)[:] = bytes((number,)) * size
            sent += bytes((number,)) * size
        outgoing.write(slow)
    assert b"".join(slow.kept) == sent


async def test_what_does_not_fit_goes_in_two() -> None:
    """All packets that are relayed at once are more than one buffer has."""
    sent = [channel_data(1, os.urandom(200_000)) for _ in range(9)]
    async with _wire() as wire:
        wire.send(sent, to_client=True)
        await _until(lambda: len(wire.at_client) == len(sent))
        assert wire.at_client == sent


def test_types_of_packets_are_the_connection_protocols() -> None:
    assert min(Message) >= packets.FIRST
    assert max(Message) <= packets.LAST

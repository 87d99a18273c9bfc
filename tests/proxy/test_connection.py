"""Connections in plain and over TLS, awaited: nothing is lost, and nothing slips in."""

import asyncio
import ssl

import pytest

from protocols.api import TlsMode, TlsPolicy
from proxy.connection import Connection
from proxy.memory import Memory
from proxy.tls import client_context, server_context
from tests.proxy.conftest import SocketPair

_LARGE = bytes(range(256)) * 8_000
_CLIENT = client_context(TlsPolicy(TlsMode.REQUIRE), Memory())


async def _read(connection: Connection, size: int) -> bytes:
    data = b""
    while len(data) < size and (more := await connection.receive()):
        data += more
    return data


async def _secured(pair: SocketPair) -> tuple[Connection, Connection]:
    client, server = map(Connection, pair)
    await asyncio.gather(
        client.start_tls(_CLIENT, server_name="localhost", received=b""),
        server.start_tls(server_context(), server_name=None, received=b""),
    )
    return client, server


@pytest.mark.parametrize("tls", [False, True])
async def test_both_ways_and_to_the_end(pair: SocketPair, tls: bool) -> None:
    near, far = await _secured(pair) if tls else tuple(map(Connection, pair))
    for source, target in ((near, far), (far, near)):
        _, data = await asyncio.gather(source.send(_LARGE), _read(target, len(_LARGE)))
        assert data == _LARGE
    near.close()
    assert await far.receive() == b""


async def test_tls_that_was_read_too_early_is_not_lost(pair: SocketPair) -> None:
    """Direct TLS: the first record was taken for something else."""
    client, server = map(Connection, pair)
    begin = asyncio.create_task(client.start_tls(_CLIENT, server_name="localhost", received=b""))
    received = await server.receive()
    assert received[:1] == b"\x16"
    await server.start_tls(server_context(), server_name=None, received=received)
    await begin
    await client.send(b"hello")
    assert await server.receive() == b"hello"


@pytest.mark.parametrize("tls", [False, True])
async def test_last_words(pair: SocketPair, tls: bool) -> None:
    near, far = await _secured(pair) if tls else tuple(map(Connection, pair))
    near.close(b"goodbye")
    assert await _read(far, 100) == b"goodbye"


async def test_what_was_read_and_not_received_is_pending(pair: SocketPair) -> None:
    client, server = await _secured(pair)
    assert not server.pending
    await client.send(b"hello")
    server.incoming.write(await asyncio.get_running_loop().sock_recv(pair[1], 100))
    assert server.pending
    assert await server.receive() == b"hello"
    assert not server.pending


async def test_plain_bytes_after_tls_are_an_error(pair: SocketPair) -> None:
    _, server = await _secured(pair)
    await asyncio.get_running_loop().sock_sendall(pair[0], b"SELECT 'injected'")
    with pytest.raises(ssl.SSLError):
        await server.receive()


async def test_a_peer_that_leaves_in_mid_handshake(pair: SocketPair) -> None:
    server = Connection(pair[1])
    await asyncio.get_running_loop().sock_sendall(pair[0], b"\x16\x03\x01")
    pair[0].close()
    with pytest.raises(ssl.SSLError):
        await server.start_tls(server_context(), server_name=None, received=b"")


async def test_closing_says_goodbye(pair: SocketPair) -> None:
    """Else libpq takes a cancel request over TLS for failed."""
    client, server = await _secured(pair)
    server.close()
    pair[0].setblocking(True)
    client.incoming.write(pair[0].recv(65_536))
    assert client.tls is not None
    assert client.tls.read(100) == b""  # without the goodbye this would want to read more


async def test_closing_twice_or_after_the_peer_does_no_harm(pair: SocketPair) -> None:
    client, server = await _secured(pair)
    pair[0].close()
    server.close()
    server.close()
    client.close()

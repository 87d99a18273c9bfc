"""A relay's ends: nothing blocks, and what a full kernel buffer does not take is kept."""

import asyncio
import socket
import ssl

import pytest

from proxy.connection import Connection
from proxy.legs import Leg, PlainLeg, TlsLeg, leg
from proxy.readiness import readiness
from proxy.tls import server_context
from tests.proxy.conftest import SocketPair
from tests.waiting import eventually

_RECORD = 16_384  # bytes, the most that one of TLS's has
_LARGE = bytes(range(256)) * 65_536  # 16 MB: more than any kernel buffer

kinds = pytest.mark.parametrize("tls", [False, True])


async def _legs(
    pair: SocketPair, *, tls: bool, version: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3
) -> tuple[Leg, Leg]:
    client, server = map(Connection, pair)
    if tls:
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        context.maximum_version = version
        await asyncio.gather(
            client.start_tls(context, server_name="localhost", received=b""),
            server.start_tls(server_context(), server_name=None, received=b""),
        )
    ready = readiness()
    return leg(client, ready), leg(server, ready)


def _receive(end: Leg) -> bytes | None:
    """What is there; None where there is nothing yet."""
    chunk = end.receive()
    return None if chunk is None else bytes(chunk)


def _next(end: Leg) -> bytes:
    found: list[bytes] = []

    def look() -> bool:
        if (data := _receive(end)) is not None:
            found.append(data)
        return bool(found)

    eventually(look)
    return found[0]


@kinds
async def test_its_kind(pair: SocketPair, tls: bool) -> None:
    near, _ = await _legs(pair, tls=tls)
    assert type(near) is (TlsLeg if tls else PlainLeg)


@kinds
async def test_nothing_yet_is_no_end(pair: SocketPair, tls: bool) -> None:
    near, far = await _legs(pair, tls=tls)
    assert _receive(far) is None
    assert near.send(b"words")
    assert _next(far) == b"words"


@kinds
async def test_what_the_kernel_does_not_take_is_kept_in_order(pair: SocketPair, tls: bool) -> None:
    near, far = await _legs(pair, tls=tls)
    assert not near.send(memoryview(_LARGE))
    assert not near.send(b"more")
    received = bytearray()
    while len(received) < len(_LARGE) + 4:
        received += _receive(far) or b""
        near.flush()
    assert near.flush()
    assert bytes(received) == _LARGE + b"more"


@kinds
async def test_one_end_may_be_over_while_the_other_goes_on(pair: SocketPair, tls: bool) -> None:
    near, far = await _legs(pair, tls=tls)
    near.end()
    assert _next(far) == b""
    assert far.send(b"still here")
    assert _next(near) == b"still here"


async def test_bytes_that_tls_holds_already_are_pending(pair: SocketPair) -> None:
    """The socket will not become readable for them."""
    near, far = await _legs(pair, tls=True)
    near.send(b"a" * _RECORD + b"b" * 100)
    eventually(lambda: _receive(far) == b"a" * _RECORD)
    assert far.pending()
    assert _receive(far) == b"b" * 100
    assert not far.pending()


async def test_plain_bytes_in_tls_are_an_error(pair: SocketPair) -> None:
    _, far = await _legs(pair, tls=True)
    pair[0].send(b"SELECT 'injected'")
    with pytest.raises(ssl.SSLError):
        eventually(lambda: _receive(far))


@pytest.mark.parametrize("size", [100, 40_000])  # records of TLS: two, and four
@pytest.mark.parametrize("when", ["before", "meanwhile", "after"])
@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
async def test_what_is_not_read_yet_outlives_our_own_end(
    pair: SocketPair, version: ssl.TLSVersion, when: str, size: int
) -> None:
    """OpenSSL throws away what it has and was not asked for, once our side of TLS is over."""
    near, far = await _legs(pair, tls=True, version=version)
    received = 0
    if when == "after":
        near.end()
    assert far.send(b"x" * (size // 2))
    assert far.send(b"x" * (size // 2))
    if when == "before":
        near.end()
    elif when == "meanwhile":
        received = len(_next(near))
        assert near.pending()
        near.end()
    while received < size:
        chunk = _next(near)
        assert chunk, f"the end, after {received} bytes"
        received += len(chunk)
    far.end()
    assert _next(near) == b""


@kinds
async def test_a_connection_cut_off_is_an_end(pair: SocketPair, tls: bool) -> None:
    _, far = await _legs(pair, tls=tls)
    pair[0].shutdown(socket.SHUT_WR)  # over TLS without a goodbye
    assert _next(far) == b""

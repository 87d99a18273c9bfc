"""The relay between two sockets of ours: every way in which a session goes on and ends."""

import asyncio
import socket
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from functools import partial

import pytest

from protocols.api import Chunk, Flow, Outcome
from protocols.errors import ClientProtocolError, Reason, Refusal
from proxy.hindsight import Hindsight
from proxy.identity import is_gone
from proxy.legs import PlainLeg
from proxy.observer import Observer
from proxy.readiness import readiness
from proxy.relay import Relay
from tests.proxy.conftest import SocketPair

_LARGE = bytes(range(128, 256)) * 200_000  # 25 MB
_GOODBYE = Refusal(Reason.SHUTTING_DOWN, "goodbye")


class Spy:
    """A protocol without messages: `!` from the client is wrong, `?` makes upstream owe an answer,
    and whatever upstream says is one."""

    upstream_may_wait = True

    def __init__(self) -> None:
        self.busy = self.full = False
        self.from_client = self.from_upstream = 0

    def may_wait(self, chunk: bytes) -> bool:
        return b"!" not in chunk

    def client_sent(self, chunk: Chunk) -> None:
        self.from_client += len(chunk)
        if b"!" in bytes(chunk[:10]):
            raise ClientProtocolError("no shouting")
        self.busy |= b"?" in bytes(chunk[:10])

    def upstream_sent(self, chunk: Chunk) -> None:
        self.from_upstream += len(chunk)
        self.busy = False

    def last_words(self, refusal: Refusal) -> bytes:
        return f"<{refusal}>".encode()

    def close(self) -> None: ...


class Bench:
    """A relay at work, and the programs at both of its ends."""

    def __init__(
        self, client: socket.socket, upstream: socket.socket, relay: Relay, hindsight: Hindsight
    ) -> None:
        self.client = client
        self.upstream = upstream
        self.relay = relay
        self.catch_up = hindsight.catch_up
        self.outcome: asyncio.Task[Outcome]

    async def end(self) -> Outcome:
        return await asyncio.wait_for(self.outcome, 10)


@pytest.fixture
def other_pair() -> Iterator[SocketPair]:
    near, far = socket.socketpair()
    with near, far:
        near.setblocking(False)
        far.setblocking(False)
        yield near, far


@asynccontextmanager
async def _relaying(
    pair: SocketPair, other: SocketPair, flow: Flow | None = None
) -> AsyncIterator[tuple[Bench, Spy]]:
    spy = Spy()
    gone = partial(is_gone, pair[1])
    hindsight = Hindsight()
    observer = Observer(spy, hindsight)
    ready = readiness()
    legs = PlainLeg(pair[1], ready), PlainLeg(other[0], ready)
    relay = Relay(legs, observer, None, "app", gone)
    bench = Bench(pair[0], other[1], relay, hindsight)

    async def run() -> Outcome:
        try:
            return await relay.run(flow or Flow(b"", b"", None, {}))
        finally:  # as their owner does
            pair[1].close()
            other[0].close()

    bench.outcome = asyncio.create_task(run())
    yield bench, spy
    bench.client.close()
    bench.upstream.close()
    await bench.end()


async def _send(sock: socket.socket, data: bytes) -> None:
    await asyncio.get_running_loop().sock_sendall(sock, data)


async def _read(sock: socket.socket, size: int) -> bytes:
    loop, data = asyncio.get_running_loop(), bytearray()
    async with asyncio.timeout(10):
        while len(data) < size and (chunk := await loop.sock_recv(sock, 65_536)):
            data += chunk
    return bytes(data)


async def test_both_ways_at_once(pair: SocketPair, other_pair: SocketPair) -> None:
    async with _relaying(pair, other_pair) as (bench, spy):
        size = len(_LARGE)
        _, _, up, down = await asyncio.gather(
            _send(bench.client, _LARGE),
            _send(bench.upstream, _LARGE[::-1]),
            _read(bench.upstream, size),
            _read(bench.client, size),
        )
        assert up == _LARGE
        assert down == _LARGE[::-1]
        assert (spy.from_client, spy.from_upstream) == (size, size)


async def test_what_the_handshake_read_too_much_comes_first(
    pair: SocketPair, other_pair: SocketPair
) -> None:
    flow = Flow(b"early question ", b"early answer ", None, {})
    async with _relaying(pair, other_pair, flow) as (bench, spy):
        await _send(bench.client, b"late")
        await _send(bench.upstream, b"late")
        assert await _read(bench.upstream, 19) == b"early question late"
        assert await _read(bench.client, 17) == b"early answer late"
        bench.catch_up()
        assert (spy.from_client, spy.from_upstream) == (19, 17)


async def test_a_side_that_does_not_read_stops_the_other(
    pair: SocketPair, other_pair: SocketPair
) -> None:
    async with _relaying(pair, other_pair) as (bench, spy):
        sending = asyncio.create_task(_send(bench.upstream, _LARGE))
        before = -1
        while before != spy.from_upstream:
            before = spy.from_upstream
            await asyncio.sleep(0.1)
        assert not sending.done()
        assert spy.from_upstream < 10_000_000
        assert await _read(bench.client, len(_LARGE)) == _LARGE
        await sending


async def test_a_client_that_asks_too_much_at_once_is_held_back(
    pair: SocketPair, other_pair: SocketPair
) -> None:
    async with _relaying(pair, other_pair) as (bench, spy):
        spy.full = True
        await _send(bench.client, b"first")
        assert await _read(bench.upstream, 5) == b"first"
        bench.catch_up()
        await _send(bench.client, b"second")
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2):
                await _read(bench.upstream, 6)
        await _send(bench.upstream, b"busy")
        assert await _read(bench.client, 4) == b"busy"
        assert spy.from_client == 5
        spy.full = False
        await _send(bench.upstream, b"done")
        assert await _read(bench.upstream, 6) == b"second"


async def test_a_client_that_closes(pair: SocketPair, other_pair: SocketPair) -> None:
    async with _relaying(pair, other_pair) as (bench, _):
        await _send(bench.client, b"bye")
        bench.client.close()
        assert await _read(bench.upstream, 100) == b"bye"
        bench.upstream.close()
        assert await bench.end() == Outcome("client", "closed the connection", 3, 0, False)


async def test_a_client_that_has_only_ended_is_still_answered(
    pair: SocketPair, other_pair: SocketPair
) -> None:
    async with _relaying(pair, other_pair) as (bench, _):
        await _send(bench.client, b"why?")
        bench.client.shutdown(socket.SHUT_WR)
        assert await _read(bench.upstream, 100) == b"why?"
        await _send(bench.upstream, b"because")
        bench.upstream.close()
        assert await _read(bench.client, 100) == b"because"
        assert (await bench.end()).abandoned is False


async def test_a_client_that_ended_before_upstream_is_not_looked_for_afterwards(
    pair: SocketPair, other_pair: SocketPair
) -> None:
    faults: list[str] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, fault: faults.append(str(fault)))
    async with _relaying(pair, other_pair) as (bench, _):
        bench.client.shutdown(socket.SHUT_WR)
        assert await _read(bench.upstream, 1) == b""
        bench.upstream.close()
        await bench.end()
        await asyncio.sleep(0.6)  # when it would have been
    assert faults == []


async def test_a_client_gone_in_mid_query_abandons_it(
    pair: SocketPair, other_pair: SocketPair
) -> None:
    async with _relaying(pair, other_pair) as (bench, _):
        await _send(bench.client, b"why?")
        await _read(bench.upstream, 4)
        begun = time.monotonic()
        bench.client.close()
        outcome = await bench.end()
        assert (outcome.ended_by, outcome.abandoned) == ("client", True)
        assert time.monotonic() - begun < 4


async def test_a_client_that_breaks_off(pair: SocketPair, other_pair: SocketPair) -> None:
    async with _relaying(pair, other_pair) as (bench, _):
        await _send(bench.client, b"why?")
        await _read(bench.upstream, 4)
        bench.client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        bench.client.close()
        outcome = await bench.end()
        told = (outcome.ended_by, outcome.reason, outcome.abandoned)
        assert told == ("client", "broke the connection: Connection reset by peer", True)


async def test_upstream_that_closes_is_told_to_the_client(
    pair: SocketPair, other_pair: SocketPair
) -> None:
    async with _relaying(pair, other_pair) as (bench, _):
        await _send(bench.upstream, b"last row ")
        bench.upstream.close()
        words = b'last row <upstream of role "app" closed the connection>'
        assert await _read(bench.client, 1000) == words
        bench.client.close()
        outcome = await bench.end()
        assert (outcome.ended_by, outcome.reason) == ("upstream", "closed the connection")
        assert outcome.abandoned is False


async def test_a_client_that_has_not_read_all_gets_the_last_words_too(
    pair: SocketPair, other_pair: SocketPair
) -> None:
    async with _relaying(pair, other_pair) as (bench, _):
        data = _LARGE[: 4 << 20]
        sending = asyncio.create_task(_send(bench.upstream, data))
        received = await _read(bench.client, len(data))
        await sending
        bench.upstream.close()
        received += await _read(bench.client, len(data) + 1000 - len(received))
        assert received == data + b'<upstream of role "app" closed the connection>'


@pytest.mark.parametrize("busy", [False, True])
async def test_a_session_that_is_stopped(
    pair: SocketPair, other_pair: SocketPair, busy: bool
) -> None:
    async with _relaying(pair, other_pair) as (bench, _):
        await _send(bench.client, b"why?" if busy else b"oh")
        await _read(bench.upstream, 2)
        assert bench.relay.idle is not busy
        bench.relay.stop(_GOODBYE)
        bench.relay.stop(_GOODBYE)
        assert await _read(bench.client, 1000) == b"<goodbye>"
        bench.client.close()
        assert await bench.end() == Outcome("proxy", "goodbye", 4 if busy else 2, 0, busy)


async def test_a_client_that_ignores_the_last_words_is_left_alone(
    pair: SocketPair, other_pair: SocketPair
) -> None:
    async with _relaying(pair, other_pair) as (bench, _):
        begun = time.monotonic()
        bench.relay.stop(_GOODBYE)
        assert (await bench.end()).ended_by == "proxy"
        assert 0.9 < time.monotonic() - begun < 3


async def test_what_breaks_the_protocol_ends_the_session(
    pair: SocketPair, other_pair: SocketPair
) -> None:
    async with _relaying(pair, other_pair) as (bench, _):
        await _send(bench.client, b"hey!")
        assert await _read(bench.client, 1000) == b"<no shouting>"
        bench.client.close()
        outcome = await bench.end()
        assert (outcome.ended_by, outcome.reason) == ("proxy", "no shouting")

"""Every address of upstream has its turn, and one that swallows all it is sent does not take the
others'."""

import asyncio
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest

from proxy.dial import Address, connect, tune
from tests.proxy.conftest import SocketPair
from tests.servers.misbehaving import refusing_address, silent_listener


@contextmanager
def _black_hole() -> Iterator[Address]:
    """A listener that takes nobody and whose queue is full: a SYN gets no answer."""
    with ExitStack() as stack:
        listener = stack.enter_context(socket.socket())
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for _ in range(4):
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(listener.getsockname())
        yield Address(socket.AF_INET, listener.getsockname())


def _address(place: str) -> Address:
    return Address(socket.AF_INET, ("127.0.0.1", int(place.rpartition(":")[2])))


def _in(seconds: float) -> float:
    return asyncio.get_running_loop().time() + seconds


@pytest.mark.parametrize("holes", [1, 2])
async def test_one_that_answers_is_found_behind_those_that_do_not(holes: int) -> None:
    with ExitStack() as stack:
        live = _address(stack.enter_context(silent_listener()))
        dead = [stack.enter_context(_black_hole()) for _ in range(holes)]
        begun = time.monotonic()
        sock, address = await connect([*dead, live], _in(1.5))
        with sock:
            assert address == live
            assert sock.getpeername() == live.sockaddr
        assert time.monotonic() - begun < 1.5


async def test_what_is_refused_at_once_leaves_its_share_to_the_others() -> None:
    with refusing_address() as closed, _black_hole() as dead:
        begun = time.monotonic()
        with pytest.raises(OSError, match="Connection timed out"):
            await connect([_address(closed), dead], _in(0.6))
        assert 0.5 < time.monotonic() - begun < 1.5


async def test_the_last_ones_reason_is_told() -> None:
    with refusing_address() as closed, _black_hole() as dead:
        with pytest.raises(ConnectionRefusedError):
            await connect([dead, _address(closed)], _in(0.4))
        with pytest.raises(OSError, match="the name has no address"):
            await connect([], _in(1))


def test_a_peer_that_vanished_is_found_out(pair: SocketPair) -> None:
    tune(pair[0])
    assert pair[0].getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
    assert pair[0].getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
    if hasattr(socket, "TCP_USER_TIMEOUT"):
        assert pair[0].getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == 120_000

"""One spare on real sockets: the test is the server that has let it in."""

import asyncio
import socket
from collections.abc import Callable

import pytest

from protocols.api import Login, TcpEndpoint, TlsMode, TlsPolicy
from proxy.connection import Connection
from proxy.dial import Address, Route
from proxy.driver import LoggedIn
from proxy.readiness import Readiness, readiness
from proxy.spares.spare import Spare
from tests.proxy.conftest import SocketPair

_FAREWELL = b"X\0\0\0\4"
_ENDPOINT = TcpEndpoint("127.0.0.1", 5432)
_LOGIN = Login(role="app", endpoint=_ENDPOINT, tls=TlsPolicy(TlsMode.DISABLE))
_ROUTE = Route(Address(socket.AF_INET, ("127.0.0.1", 5432)))
Make = Callable[..., Spare]


@pytest.fixture
async def watched() -> Readiness:
    return readiness()


@pytest.fixture
def ends() -> list[str]:
    return []


@pytest.fixture
def make(pair: SocketPair, watched: Readiness, ends: list[str]) -> Make:
    def make_one(seconds: float = 60) -> Spare:
        logged_in = LoggedIn(Connection(pair[1]), _ROUTE, _LOGIN, "what it was told")
        return Spare(logged_in, _FAREWELL, watched, seconds, lambda _, why: ends.append(why))

    return make_one


async def _heard(near: socket.socket) -> bytes:
    """All that the server was told, to the end."""
    loop, heard = asyncio.get_running_loop(), b""
    async with asyncio.timeout(5):
        while data := await loop.sock_recv(near, 100):
            heard += data
    return heard


async def _until(ends: list[str]) -> str:
    async with asyncio.timeout(5):
        while not ends:
            await asyncio.sleep(0.01)
    (why,) = ends
    return why


async def test_it_is_taken_once(pair: SocketPair, make: Make, ends: list[str]) -> None:
    spare = make(seconds=0.05)
    taken = spare.take()
    assert taken is not None
    assert taken.result == "what it was told"
    assert spare.take() is None
    pair[0].send(b"for its session")
    await asyncio.sleep(0.1)  # longer than it would have waited
    assert await taken.connection.receive() == b"for its session"
    assert ends == []


async def test_it_takes_leave_when_its_time_is_over(
    pair: SocketPair, make: Make, ends: list[str]
) -> None:
    spare = make(seconds=0.05)
    assert await _heard(pair[0]) == _FAREWELL
    assert ends == ["age"]
    assert spare.take() is None


async def test_whatever_upstream_says_ends_it(
    pair: SocketPair, make: Make, ends: list[str]
) -> None:
    spare = make()
    pair[0].send(b"S\0\0\0\x0fTimeZone\0UTC\0")
    assert await _until(ends) == "upstream"
    assert spare.take() is None
    assert await _heard(pair[0]) == _FAREWELL


async def test_its_end_ends_it(pair: SocketPair, make: Make, ends: list[str]) -> None:
    make()
    pair[0].close()
    assert await _until(ends) == "upstream"


@pytest.mark.parametrize("last", [b"E\0\0\0\5\0", b""])
async def test_what_the_loop_has_not_told_of_is_seen(
    pair: SocketPair, make: Make, ends: list[str], last: bytes
) -> None:
    """Nothing is awaited between upstream's word and its being taken."""
    spare = make()
    if last:
        pair[0].send(last)
    else:
        pair[0].close()
    assert spare.take() is None
    assert ends == ["upstream"]


async def test_it_ends_once(pair: SocketPair, make: Make, ends: list[str]) -> None:
    spare = make()
    spare.end("shutdown")
    spare.end("age")
    assert ends == ["shutdown"]
    assert await _heard(pair[0]) == _FAREWELL

"""Cancel keys: a right one is carried to where its session is, and the carrier waits."""

import asyncio
import socket

import pytest

from protocols.api import TcpEndpoint, TlsMode, TlsPolicy
from protocols.postgres import POSTGRES
from protocols.postgres.login import PostgresLogin
from proxy.cancels import Cancellable, Cancels
from proxy.config.schema import Timeouts
from proxy.dial import Address, Route
from tests.wire import cancel_request

_KEY = b"\0\0\0\1abcd"


@pytest.fixture
def upstream() -> socket.socket:
    listener = socket.create_server(("127.0.0.1", 0))
    listener.setblocking(False)
    return listener


@pytest.fixture
def cancels(timeouts: Timeouts, upstream: socket.socket) -> Cancels:
    """With one session of role `app`; its host's name leads elsewhere by now."""
    login = PostgresLogin(
        role="app",
        endpoint=TcpEndpoint("no-such-host.invalid", 1),
        tls=TlsPolicy(TlsMode.DISABLE),
        user="app",
        password="",
    )
    cancels = Cancels(timeouts)
    address = Address(socket.AF_INET, upstream.getsockname())
    cancels.add(_KEY, Cancellable(POSTGRES, login, Route(address)))
    return cancels


async def test_the_carrier_waits_until_upstream_closes(
    cancels: Cancels, upstream: socket.socket
) -> None:
    loop = asyncio.get_running_loop()
    cancelling = asyncio.create_task(cancels.cancel(_KEY, ["app"]))
    connection, _ = await loop.sock_accept(upstream)
    assert await loop.sock_recv(connection, 100) == cancel_request(_KEY)
    done, _ = await asyncio.wait([cancelling], timeout=0.2)
    assert not done
    connection.close()
    assert await cancelling is True
    upstream.close()


@pytest.mark.parametrize(
    ("key", "role"),
    [(b"", "app"), (_KEY[:-1], "app"), (_KEY + b"\0", "app"), (_KEY, "other")],
)
async def test_a_wrong_key_reaches_nobody(
    cancels: Cancels, upstream: socket.socket, key: bytes, role: str
) -> None:
    assert await cancels.cancel(key, [role]) is False
    with pytest.raises(BlockingIOError):
        upstream.accept()
    upstream.close()


async def test_the_key_of_a_session_that_is_over(cancels: Cancels, upstream: socket.socket) -> None:
    cancels.remove(_KEY)
    cancels.remove(_KEY)
    assert await cancels.cancel(_KEY, ["app"]) is False
    upstream.close()


async def test_upstream_that_is_gone_is_no_failure(
    cancels: Cancels, upstream: socket.socket, caplog: pytest.LogCaptureFixture
) -> None:
    upstream.close()
    assert await cancels.cancel(_KEY, ["app"]) is True
    assert "a cancel request did not get through: upstream of role" in caplog.text

"""What tests of the proxy's parts have in common: timeouts, and connected sockets."""

import socket
from collections.abc import Iterator

import pytest

from proxy.config.schema import Timeouts

SocketPair = tuple[socket.socket, socket.socket]


@pytest.fixture
def timeouts() -> Timeouts:
    return Timeouts(client=1, secret=1, upstream=1, shutdown=1)


@pytest.fixture
def pair() -> Iterator[SocketPair]:
    """Two ends of a TCP connection, neither of which blocks."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        near = socket.create_connection(listener.getsockname())
        far, _ = listener.accept()
    with near, far:
        near.setblocking(False)
        far.setblocking(False)
        yield near, far

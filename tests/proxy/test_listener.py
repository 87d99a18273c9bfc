"""Listeners open, take connections, close, and say what is the matter where they cannot."""

import asyncio
import os
import socket
import stat
from pathlib import Path

import pytest

from protocols.api import TcpEndpoint, UnixEndpoint
from proxy.listener import Listener, ListenError

Accepted = asyncio.Queue[socket.socket]


def _connect(endpoint: TcpEndpoint | UnixEndpoint) -> socket.socket:
    if isinstance(endpoint, TcpEndpoint):
        return socket.create_connection((endpoint.host, endpoint.port))
    client = socket.socket(socket.AF_UNIX)
    client.connect(endpoint.path)
    return client


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost"])
async def test_a_port_of_the_kernels_choice(host: str) -> None:
    accepted: Accepted = asyncio.Queue()
    listener = Listener(TcpEndpoint(host, 0), accepted.put_nowait)
    assert isinstance(listener.endpoint, TcpEndpoint)
    assert listener.endpoint.port > 0
    with _connect(listener.endpoint) as client, await accepted.get() as connection:
        assert connection.getpeername() == client.getsockname()
        assert connection.getblocking() is False
        assert connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
        assert connection.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
    listener.close()
    await asyncio.sleep(0.01)
    with pytest.raises(ConnectionRefusedError):
        _connect(listener.endpoint)


async def test_a_unix_socket_in_a_folder_that_is_not_there_yet(tmp_path: Path) -> None:
    accepted: Accepted = asyncio.Queue()
    path = tmp_path / "run" / "keyless" / ".s.PGSQL.5432"
    listener = Listener(UnixEndpoint(str(path)), accepted.put_nowait)
    assert stat.S_IMODE(path.stat().st_mode) == 0o777
    assert stat.S_IMODE(path.parent.stat().st_mode) & 0o022 == 0
    with _connect(UnixEndpoint(str(path))), await accepted.get():
        listener.close()
    assert not path.exists()


async def test_a_socket_that_a_killed_proxy_left_behind(tmp_path: Path) -> None:
    path = str(tmp_path / "socket")
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(path)
    accepted: Accepted = asyncio.Queue()
    listener = Listener(UnixEndpoint(path), accepted.put_nowait)
    with _connect(UnixEndpoint(path)), await accepted.get():
        listener.close()


async def test_a_socket_that_somebody_listens_on_is_his(tmp_path: Path) -> None:
    path = str(tmp_path / "socket")
    with socket.socket(socket.AF_UNIX) as other:
        other.bind(path)
        other.listen()
        with pytest.raises(ListenError, match="something else listens there"):
            Listener(UnixEndpoint(path), lambda _: None)
        assert os.path.exists(path)


async def test_a_file_in_the_way_is_not_removed(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("precious")
    with pytest.raises(ListenError, match="something else listens there"):
        Listener(UnixEndpoint(str(tmp_path / "file")), lambda _: None)
    assert (tmp_path / "file").read_text() == "precious"


async def test_what_is_the_matter() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        taken = f"cannot listen on 127.0.0.1:{port}: something else listens there: stop it, or"
        with pytest.raises(ListenError, match=taken):
            Listener(TcpEndpoint("127.0.0.1", port), lambda _: None)
    with pytest.raises(ListenError, match="this machine does not have that address"):
        Listener(TcpEndpoint("192.0.2.1", 0), lambda _: None)

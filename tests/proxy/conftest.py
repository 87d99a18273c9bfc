"""What tests of the proxy's parts have in common: timeouts, sockets, readers of secrets."""

import socket
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from proxy.config.schema import SecretSettings, Timeouts
from proxy.metrics import Metrics
from proxy.secrets import SecretReader
from tests.proxy.login_session import LoginSession
from tests.proxy.stand_in import StandIn

BeginLogins = Callable[..., LoginSession]
OpenReader = Callable[..., SecretReader]
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


@pytest.fixture
def provider() -> StandIn:
    return StandIn()


@pytest.fixture
def open_reader() -> Iterator[OpenReader]:
    """Makes a reader of one provider or several, with the settings that the file would give."""
    opened: list[tuple[SecretReader, tuple[StandIn, ...]]] = []

    def open_one(*providers: StandIn, timeout: float = 1, **settings: float) -> SecretReader:
        names = {"standin" if n == 0 else f"standin{n}": p for n, p in enumerate(providers)}
        told = SecretSettings.model_validate(settings)
        reader = SecretReader(names, told, timeout, Metrics())
        opened.append((reader, providers))
        return reader

    yield open_one
    for reader, providers in opened:
        for provider in providers:
            provider.gate.set()
        reader.close()


@pytest.fixture
def reader(provider: StandIn, open_reader: OpenReader) -> SecretReader:
    """One that keeps nothing, as without a word in the file."""
    return open_reader(provider)


@pytest.fixture
async def begin(artefacts: Path, request: pytest.FixtureRequest) -> AsyncIterator[BeginLogins]:
    """Begins a session with these providers."""
    folder = artefacts / f"login-again-{request.node.name}"
    folder.mkdir()
    begun: list[tuple[LoginSession, tuple[StandIn, ...]]] = []

    def begin_one(*providers: StandIn, rotation_wait: float = 0.3) -> LoginSession:
        names: dict[str, Any] = {f"standin{n}": provider for n, provider in enumerate(providers)}
        begun.append((LoginSession(folder, rotation_wait, names), providers))
        return begun[-1][0]

    yield begin_one
    for session, providers in begun:
        for provider in providers:
            provider.gate.set()
        await session.close()

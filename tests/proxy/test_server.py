"""A server in this process: all listeners or none, and only the providers it needs."""

import asyncio
from pathlib import Path

import pytest

from protocols.api import TcpEndpoint, UnixEndpoint
from proxy.config import Config, parse_text
from proxy.demo.postgres import EmbeddedPostgres
from proxy.listener import ListenError
from proxy.server import Server
from tests.keyless import SECRETS, role
from tests.waiting import eventually
from tests.wire import Wire


@pytest.fixture(autouse=True)
def _secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    """For providers in this process."""
    for name, value in SECRETS.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def folder(artefacts: Path, request: pytest.FixtureRequest) -> Path:
    folder: Path = artefacts / request.node.name
    folder.mkdir()
    return folder


def _config(folder: Path, *roles: str) -> Config:
    return parse_text("[timeouts]\nshutdown = 1\n" + "".join(roles), folder / "keyless.toml")


async def test_every_role_with_a_listener_is_served(
    folder: Path, latest_postgres: EmbeddedPostgres, tmp_path: Path
) -> None:
    server = Server(
        _config(
            folder,
            role("tcp", latest_postgres),
            role("unix", latest_postgres, listen=f"unix:{tmp_path}/s"),
            role("none", latest_postgres, listen=None),
        )
    )
    endpoints = {door.only.name: place for door, place in server.start() if door.only}
    assert endpoints.keys() == {"tcp", "unix"}
    assert endpoints["unix"] == UnixEndpoint(f"{tmp_path}/s/.s.PGSQL.5432")
    assert isinstance(endpoints["tcp"], TcpEndpoint)
    tcp = (endpoints["tcp"].host, endpoints["tcp"].port)
    for place, name in ((tcp, "tcp"), ((f"{tmp_path}/s", 5432), "unix")):
        assert await asyncio.to_thread(_ask, place, name) == [b"1"]
    await server.stop()
    assert not (tmp_path / "s" / ".s.PGSQL.5432").exists()


def _ask(place: tuple[str, int], name: str) -> list[bytes]:
    with Wire(place).log_in(name) as client:
        return client.query("SELECT 1")


async def test_one_listener_that_cannot_be_opened_opens_none(
    folder: Path, latest_postgres: EmbeddedPostgres, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    server = Server(
        _config(
            folder,
            role("good", latest_postgres, listen=f"unix:{tmp_path}/s"),
            role("bad", latest_postgres, listen=f"unix:{tmp_path}/file"),
        )
    )
    with pytest.raises(ListenError):
        server.start()
    assert not (tmp_path / "s" / ".s.PGSQL.5432").exists()
    await server.stop()


async def test_a_server_that_is_stopped_leaves_no_task(
    folder: Path, latest_postgres: EmbeddedPostgres
) -> None:
    server = Server(_config(folder, role("app", latest_postgres)))
    ((_, endpoint),) = server.start()
    assert isinstance(endpoint, TcpEndpoint)
    client = await asyncio.to_thread(lambda: Wire((endpoint.host, endpoint.port)).log_in("app"))
    await server.stop()
    assert asyncio.all_tasks() == {asyncio.current_task()}
    client.__exit__()
    asked = "SELECT count(*) FROM pg_stat_activity WHERE usename = 'scram_user'"
    eventually(lambda: latest_postgres.execute(asked) == "0\n")

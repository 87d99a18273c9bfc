"""The image, and a container of it that serves one role on a real PostgreSQL."""

import os
import socket
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from proxy.demo.postgres import EmbeddedPostgres
from tests.container import engine
from tests.secrecy import CANARY
from tests.servers.postgres import DATABASE

_SECRET = "KEYLESS_TEST_SECRET_CONTAINER"  # the name of its variable
_CONFIGURATION = """
[audit]
path = "-"
[roles.app]
kind = "postgres"
listen = "0.0.0.0:{port}"
allow_unauthenticated = true
[roles.app.env]
HOST = "127.0.0.1"
PORT = {upstream}
DB = "{database}"
USER = "scram_user"
PASS = "_envjson:{secret}:password"
"""


@dataclass(frozen=True)
class Container:
    engine: engine.Engine
    identity: str
    port: int

    def execute(self, *command: str) -> str:
        return self.engine("exec", self.identity, *command)

    def runs(self) -> bool:
        state = self.engine("inspect", "--format={{.State.Running}}", self.identity)
        return state.strip() == "true"

    def logs(self) -> str:
        return self.engine.logs(self.identity)


@pytest.fixture(scope="session")
def containers() -> engine.Engine:
    """Docker or podman. Without one a test is skipped, but not in continuous integration."""
    try:
        found = engine.find()
        found.pull_base()
    except engine.EngineError as error:
        if "CI" in os.environ:
            raise
        pytest.skip(str(error))
    return found


@pytest.fixture(scope="session")
def image(containers: engine.Engine, tmp_path_factory: pytest.TempPathFactory) -> str:
    return containers.build(tmp_path_factory.mktemp("build"))


@pytest.fixture
def container(
    containers: engine.Engine,
    image: str,
    latest_postgres: EmbeddedPostgres,
    tmp_path: Path,
    artefacts: Path,
) -> Iterator[Container]:
    """One that may do nothing it does not need: no root, no capability, no file to write."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    configuration = tmp_path / "keyless.toml"
    configuration.write_text(
        _CONFIGURATION.format(
            port=port, upstream=latest_postgres.port, database=DATABASE, secret=_SECRET
        )
    )
    identity = containers(
        *("run", "--detach", "--network=host", "--read-only", "--cap-drop=all"),
        *("--security-opt=no-new-privileges", "--env-file=/dev/stdin"),
        f"--volume={configuration}:/etc/keyless/keyless.toml:ro",
        image,
        standard_input=f'{_SECRET}={{"password": "{CANARY}"}}\n',
    ).strip()
    running = Container(containers, identity, port)
    try:
        _await_listener(running)
        yield running
    finally:
        (artefacts / f"container-{port}.log").write_text(running.logs())
        containers("rm", "--force", identity)


def _await_listener(container: Container, patience: float = 30) -> None:
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline and container.runs():
        with suppress(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", container.port)).close()
            return
        time.sleep(0.1)
    pytest.fail(f"The container does not listen:\n{container.logs()}")

"""The running proxy, shared by the tests that leave it as they found it, or of a test's own."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest

from proxy.demo.openbao import OpenBao
from proxy.demo.postgres import EmbeddedPostgres
from tests.keyless import Keyless, role
from tests.secrecy import CANARY
from tests.servers.postgres import VERSIONS, PostgresServers

StartKeyless = Callable[..., Keyless]
Store = Callable[[str], None]


@pytest.fixture(scope="session")
def keyless(artefacts: Path, postgres_servers: PostgresServers) -> Iterator[Keyless]:
    """A role for each version that is installed: pg15, pg16 and pg18."""
    roles = ['log_level = "debug"\n']
    for version in VERSIONS:
        with suppress(pytest.skip.Exception):  # whoever asks for that version will be skipped
            roles.append(role(f"pg{version}", postgres_servers.running(version)))
    with Keyless(artefacts / "keyless", "".join(roles)) as running:
        yield running


@pytest.fixture
def start_keyless(artefacts: Path, request: pytest.FixtureRequest) -> Iterator[StartKeyless]:
    """Starts a proxy of the test's own with this configuration; several have several folders."""
    with ExitStack() as stack:
        started: list[Keyless] = []

        def start(text: str, environ: Mapping[str, str] | None = None) -> Keyless:
            name = "".join(c if c.isalnum() else "-" for c in request.node.nodeid.split("/")[-1])
            directory = artefacts / f"{name[:100]}-{len(started)}"
            started.append(stack.enter_context(Keyless(directory, text, environ)))
            return started[-1]

        yield start


@pytest.fixture
def store(openbao: OpenBao, account: str) -> Store:
    """Writes a new version of an account's secret, which has the account's name."""

    def write(password: str) -> None:
        secret = {"username": account, "password": password}
        openbao.client.secrets.kv.v2.create_or_update_secret(account, secret)

    write(CANARY)
    return write


@pytest.fixture(scope="session")
def role_name(postgres: EmbeddedPostgres) -> str:
    """The shared proxy's role for each version in turn."""
    return "pg" + postgres.execute("SHOW server_version_num")[:2]

"""OpenBao for the tests: one server for all of them, and one with TLS.

Besides KV 2 at secret/, the one for all has KV 1 at kv1/, KV 2 at team/kv/, and AppRole logins.
A test that seals, limits or restarts its server starts one of its own: a third of a second.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from proxy.demo.openbao import OpenBao, Tls
from tests.servers.authority import Authority


@pytest.fixture(scope="session")
def openbao(artefacts: Path) -> Iterator[OpenBao]:
    with OpenBao(log=artefacts / "openbao.log") as server:
        client = server.client
        client.sys.enable_auth_method("approle")
        client.sys.enable_secrets_engine("kv", path="kv1")
        client.sys.enable_secrets_engine("kv", path="team/kv", options={"version": "2"})
        yield server


@pytest.fixture
def own_openbao(artefacts: Path, request: pytest.FixtureRequest) -> Iterator[OpenBao]:
    with OpenBao(log=artefacts / f"openbao-{request.node.name}.log") as server:
        yield server


@pytest.fixture(scope="session")
def openbao_tls(
    artefacts: Path, authority: Authority, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[OpenBao]:
    """A server with TLS that is who it says: localhost and 127.0.0.1."""
    issued = authority.issue("openbao", "localhost", "127.0.0.1")
    files = issued.save(tmp_path_factory.mktemp("openbao"), "openbao")
    with OpenBao(tls=Tls(*files, authority.path), log=artefacts / "openbao-tls.log") as server:
        yield server

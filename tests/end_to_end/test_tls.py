"""TLS to upstream: what each SSLMODE demands, and what a client learns where that is not met."""

from collections.abc import Iterator
from itertools import product
from pathlib import Path

import pytest

from proxy.demo.postgres import EmbeddedPostgres
from tests.keyless import Keyless, role
from tests.servers.authority import Authority
from tests.wire import Wire, refusal

_MODES = ("disable", "prefer", "require", "verify-ca", "verify-full")
# server, trusted authority, SSLMODE. `named` is who it says, `other` is not, `plain` has no TLS.
_IN_THE_CLEAR = [
    *product(("named", "other", "plain"), ("right", "wrong"), ("disable",)),
    *product(("plain",), ("right", "wrong"), ("prefer",)),
]
_PROTECTED = [
    *product(("named",), ("right", "path", "localhost"), _MODES[1:]),
    *product(("other",), ("right",), ("prefer", "require", "verify-ca")),
    *product(("named", "other"), ("wrong",), ("prefer",)),
]
_UNTRUSTED = [
    *product(("named", "other"), ("wrong",), ("require", "verify-ca", "verify-full")),
    ("named", "system", "verify-full"),
    ("other", "right", "verify-full"),
]
_NOT_OFFERED = [*product(("plain",), ("right",), _MODES[2:])]


@pytest.fixture(scope="module")
def wrong_authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("wrong-authority"))


@pytest.fixture(scope="module")
def servers(
    tls_postgres: EmbeddedPostgres,
    other_host_postgres: EmbeddedPostgres,
    latest_postgres: EmbeddedPostgres,
) -> dict[str, EmbeddedPostgres]:
    return {"named": tls_postgres, "other": other_host_postgres, "plain": latest_postgres}


@pytest.fixture(scope="module")
def proxy(
    artefacts: Path,
    authority: Authority,
    wrong_authority: Authority,
    servers: dict[str, EmbeddedPostgres],
) -> Iterator[Keyless]:
    """A role SERVER-TRUST-MODE for each line above."""
    trusted = {"path": str(authority.path), "wrong": wrong_authority.pem, "system": "system"}
    roles = [
        role(
            f"{server}-{trust}-{mode}",
            servers[server],
            HOST="localhost" if trust == "localhost" else "127.0.0.1",
            SSLMODE=mode,
            SSLROOTCERT=trusted.get(trust, authority.pem),
        )
        for server, trust, mode in _IN_THE_CLEAR + _PROTECTED + _UNTRUSTED + _NOT_OFFERED
    ]
    with Keyless(artefacts / "tls", "".join(roles)) as running:
        yield running


def _tls(proxy: Keyless, name: str) -> str:
    """The version that the session has to upstream, as upstream itself sees it too."""
    audit = proxy.audit()
    with Wire(proxy.places[name]).log_in(name) as client:
        seen = client.query("SELECT version FROM pg_stat_ssl WHERE pid = pg_backend_pid()")
    told: str = audit.one("session.start", role=name)["facts"]["tls"]
    assert told == (seen[0].decode() or "none")
    return told


@pytest.mark.parametrize(("server", "trust", "mode"), _IN_THE_CLEAR)
def test_in_the_clear(proxy: Keyless, server: str, trust: str, mode: str) -> None:
    assert _tls(proxy, f"{server}-{trust}-{mode}") == "none"


@pytest.mark.parametrize(("server", "trust", "mode"), _PROTECTED)
def test_protected(proxy: Keyless, server: str, trust: str, mode: str) -> None:
    assert _tls(proxy, f"{server}-{trust}-{mode}") == "TLSv1.3"


@pytest.mark.parametrize(("server", "trust", "mode"), _UNTRUSTED)
def test_untrusted(proxy: Keyless, server: str, trust: str, mode: str) -> None:
    name = f"{server}-{trust}-{mode}"
    audit = proxy.audit()
    refused = refusal(proxy.places[name], name)
    assert refused.code == "08006"
    assert refused.sentence == (f'upstream of role "{name}": its TLS certificate was not accepted')
    denied = audit.one("session.denied", role=name)
    mismatch = "IP address mismatch, certificate is not valid for '127.0.0.1'."
    assert denied["reason"] == "upstream_insecure"
    assert (denied["detail"] == mismatch) == ((server, trust) == ("other", "right"))
    assert denied["detail"] in proxy.log


@pytest.mark.parametrize(("server", "trust", "mode"), _NOT_OFFERED)
def test_not_offered(proxy: Keyless, server: str, trust: str, mode: str) -> None:
    name = f"{server}-{trust}-{mode}"
    refused = refusal(proxy.places[name], name)
    assert refused.code == "08006"
    assert refused.sentence == (
        f'upstream of role "{name}" does not offer TLS, which the role demands (SSLMODE {mode})'
    )


def test_a_refused_certificate_breaks_nothing_for_others(proxy: Keyless) -> None:
    with Wire(proxy.places["named-right-verify-full"]) as client:
        client.log_in("named-right-verify-full")
        refusal(proxy.places["other-right-verify-full"], "other-right-verify-full")
        assert client.query("SELECT 1") == [b"1"]

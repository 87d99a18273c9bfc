"""Logins bound to real servers' certificates of every kind, as libpq's own are."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa

from proxy.demo.postgres import EmbeddedPostgres
from tests.keyless import Keyless, role
from tests.servers.authority import Authority
from tests.servers.postgres import PostgresServers
from tests.wire import Wire, refusal

_PSS = padding.PSS(padding.MGF1(hashes.SHA384()), padding.PSS.DIGEST_LENGTH)
_BINDABLE = ("rsa", "rsa-sha512", "ecdsa", "ecdsa-sha384", "rsa-pss")
_KINDS = (*_BINDABLE, "ed25519")
_MODES = ("disable", "prefer", "require")


def _authority(directory: Path, kind: str) -> Authority:
    """Whose certificates are signed in this way."""
    directory.mkdir()
    if kind == "ed25519":
        return Authority(directory, ed25519.Ed25519PrivateKey.generate(), None)
    algorithms = {"rsa-sha512": hashes.SHA512(), "ecdsa": hashes.SHA256(), "rsa": hashes.SHA256()}
    algorithm = algorithms.get(kind, hashes.SHA384())
    if kind.startswith("ecdsa"):
        return Authority(directory, ec.generate_private_key(ec.SECP384R1()), algorithm)
    options = {"rsa_padding": _PSS} if kind == "rsa-pss" else {}
    return Authority(directory, rsa.generate_private_key(65537, 2048), algorithm, **options)


@pytest.fixture(scope="module")
def proxy(
    artefacts: Path,
    postgres_servers: PostgresServers,
    latest_postgres: EmbeddedPostgres,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Keyless]:
    """A role KIND-MODE for each kind of certificate, and USER-MODE for other logins than SCRAM."""
    folder = tmp_path_factory.mktemp("authorities")
    with ExitStack() as stack:
        roles = []
        for kind in _KINDS:
            authority = _authority(folder / kind, kind)
            server = stack.enter_context(postgres_servers.with_tls(authority, "127.0.0.1"))
            tls = {"SSLMODE": "verify-full", "SSLROOTCERT": authority.pem}
            roles += [
                role(f"{kind}-{mode}", server, CHANNEL_BINDING=mode, **tls) for mode in _MODES
            ]
            if kind == "ecdsa":
                roles += [
                    role(
                        f"{user}-require",
                        server,
                        USER=user,
                        CHANNEL_BINDING="require",
                        REQUIRE_AUTH="md5, password, none",
                        **tls,
                    )
                    for user in ("md5_user", "clear_user", "trust_user")
                ]
        roles.append(role("plain-require", latest_postgres, CHANNEL_BINDING="require"))
        roles.append(role("plain-prefer", latest_postgres))
        yield stack.enter_context(Keyless(artefacts / "channel-binding", "".join(roles)))


def _method(proxy: Keyless, name: str) -> str:
    audit = proxy.audit()
    with Wire(proxy.places[name]).log_in(name) as client:
        assert client.query("SELECT count(*) FROM accounts") == [b"100"]
    method: str = audit.one("session.start", role=name)["facts"]["method"]
    return method


@pytest.mark.parametrize("mode", ["prefer", "require"])
@pytest.mark.parametrize("kind", _BINDABLE)
def test_a_login_is_bound_to_the_servers_certificate(proxy: Keyless, kind: str, mode: str) -> None:
    assert _method(proxy, f"{kind}-{mode}") == "scram-sha-256-plus"


@pytest.mark.parametrize(
    "name", [*(f"{kind}-disable" for kind in _KINDS), "ed25519-prefer", "plain-prefer"]
)
def test_a_login_goes_unbound_where_it_may(proxy: Keyless, name: str) -> None:
    assert _method(proxy, name) == "scram-sha-256"


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("ed25519-require", "has a certificate that no login can be bound to"),
        ("plain-require", "is connected without TLS, so that no login can be bound to it"),
        ("md5_user-require", "does not bind the login to TLS"),
        ("clear_user-require", "does not bind the login to TLS"),
        ("trust_user-require", "does not bind the login to TLS"),
    ],
)
def test_a_login_that_must_be_bound_and_is_not_is_refused(
    proxy: Keyless, name: str, why: str
) -> None:
    refused = refusal(proxy.places[name], name)
    assert refused.code == "08006"
    assert refused.sentence == (
        f'upstream of role "{name}" {why}, which the role demands (CHANNEL_BINDING require)'
    )

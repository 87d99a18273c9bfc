"""Roles that log in with a certificate: SSLCERT and SSLKEY, and what upstream makes of them."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)

from proxy.demo.postgres import EmbeddedPostgres
from tests.end_to_end.conftest import StartKeyless
from tests.keyless import Keyless, role
from tests.secrecy import CANARY
from tests.servers.authority import Authority, Issued
from tests.servers.postgres import PostgresServers
from tests.wire import Wire, cancel_request, query, refusal

_SECRET = "KEYLESS_TEST_SECRET_CERTIFICATES"
_HBA = (
    "hostssl all scram_user 127.0.0.1/32 scram-sha-256 clientcert=verify-full",
    "hostssl all cert_user 127.0.0.1/32 cert",
)


def _reference(name: str, part: str) -> str:
    return f"_envjson:{_SECRET}:{name}-{part}"


def _pair(name: str) -> dict[str, str]:
    return {"SSLCERT": _reference(name, "crt"), "SSLKEY": _reference(name, "key")}


def _encrypted(key: str) -> str:
    encryption = BestAvailableEncryption(CANARY.encode())
    private = load_pem_private_key(key.encode(), None)
    return private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption).decode()


@pytest.fixture(scope="module")
def issued(authority: Authority, tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Issued]:
    stranger = Authority(tmp_path_factory.mktemp("stranger"))
    right = authority.issue("cert_user")
    return {
        "right": right,
        "scram": authority.issue("scram_user"),
        "other": authority.issue("somebody_else"),
        "unknown": stranger.issue("cert_user"),
        "expired": authority.issue("cert_user", expired=True),
        "encrypted": Issued(right.certificate, _encrypted(right.key)),
        "mismatched": Issued(right.certificate, stranger.issue("cert_user").key),
        "garbled": Issued("no certificate", right.key),
    }


@pytest.fixture(scope="module")
def secrets(issued: Mapping[str, Issued]) -> Mapping[str, str]:
    """For the proxy's environment: every pair by its name."""
    parts = {f"{name}-crt": pair.certificate for name, pair in issued.items()}
    return {_SECRET: json.dumps(parts | {f"{name}-key": pair.key for name, pair in issued.items()})}


@pytest.fixture(scope="module")
def server(postgres_servers: PostgresServers, authority: Authority) -> Iterator[EmbeddedPostgres]:
    certificate = authority.issue("server", "127.0.0.1")
    files = {
        "server.crt": certificate.certificate,
        "server.key": certificate.key,
        "clients.crt": authority.pem,
    }
    settings = {"ssl": "on", "ssl_ca_file": "clients.crt"}
    with postgres_servers.fresh(15, hba=_HBA, settings=settings, files=files) as server:
        yield server


@pytest.fixture(scope="module")
def roles(
    authority: Authority,
    server: EmbeddedPostgres,
    issued: Mapping[str, Issued],
    tmp_path_factory: pytest.TempPathFactory,
) -> str:
    """A role for each pair, and others by their names."""
    tls: dict[str, Any] = {"SSLMODE": "verify-full", "SSLROOTCERT": authority.pem}
    cert: dict[str, Any] = {"USER": "cert_user", "PASS": None, **tls}
    unverified = {"SSLMODE": "require", "SSLROOTCERT": None}
    certificate, key = map(str, issued["right"].save(tmp_path_factory.mktemp("pair"), "client"))
    variables: dict[str, dict[str, Any]] = {
        **{name: cert | _pair(name) for name in issued},
        "paths": cert | {"SSLCERT": certificate, "SSLKEY": key},
        "scram": tls | _pair("scram"),
        "without": tls,
        "cert-only": cert | _pair("right") | {"REQUIRE_AUTH": "cert"},
        "scram-only": cert | _pair("right") | {"REQUIRE_AUTH": "scram-sha-256"},
        "unverified": cert | _pair("right") | unverified,
        "passless": tls | _pair("scram") | {"PASS": None},
    }
    return "".join(role(name, server, **each) for name, each in variables.items())


@pytest.fixture(scope="module")
def proxy(artefacts: Path, roles: str, secrets: Mapping[str, str]) -> Iterator[Keyless]:
    with Keyless(artefacts / "client-certificates", roles, secrets) as running:
        yield running


def _method(proxy: Keyless, name: str, user: str) -> str:
    audit = proxy.audit()
    with Wire(proxy.places[name]).log_in(name) as client:
        assert client.query("SELECT current_user") == [user.encode()]
    method: str = audit.one("session.start", role=name)["facts"]["method"]
    return method


@pytest.mark.parametrize("name", ["right", "paths", "cert-only"])
def test_a_certificate_is_all_that_is_needed(proxy: Keyless, name: str) -> None:
    assert _method(proxy, name, "cert_user") == "cert"


def test_a_certificate_may_be_needed_beside_a_password(proxy: Keyless) -> None:
    assert _method(proxy, "scram", "scram_user") == "scram-sha-256-plus"


def test_a_cancel_request_needs_no_key_any_more(proxy: Keyless) -> None:
    with Wire(proxy.places["right"]).log_in("right") as session:
        session.send(query("SELECT pg_sleep(30)"))
        with Wire(proxy.places["right"]) as canceller:
            canceller.send(cancel_request(session.key))
            assert canceller.is_closed()
        with pytest.raises(Exception, match="57014"):
            session.until(b"Z")


_REFUSED = "refused the login; the role's credential may be out of date"
_NOT_ACCEPTED = "did not accept the role's certificate (SSLCERT)"


@pytest.mark.parametrize(
    ("name", "code", "sentence", "detail"),
    [
        ("other", "28000", _REFUSED, "28000 certificate authentication failed"),
        ("without", "28000", _REFUSED, "28000 connection requires a valid client certificate"),
        ("unknown", "28000", _NOT_ACCEPTED, "alert unknown ca"),
        ("expired", "28000", _NOT_ACCEPTED, "alert certificate expired"),
        (
            "scram-only",
            "08006",
            "lets anybody in without a password, which the role does not allow; "
            "set REQUIRE_AUTH to none to allow it",
            "",
        ),
        (
            "unverified",
            "08006",
            "lets us in without a password over a connection that is not verified TLS; "
            "set SSLMODE to verify-full",
            "",
        ),
        ("passless", "08006", "asks for a SASL login, and the role has no password; set PASS", ""),
    ],
)
def test_what_upstream_does_not_take_is_told(
    proxy: Keyless, name: str, code: str, sentence: str, detail: str
) -> None:
    audit = proxy.audit()
    refused = refusal(proxy.places[name], name)
    assert refused.code == code
    assert refused.sentence == f'upstream of role "{name}" {sentence}'
    assert detail in audit.one("session.denied", role=name)["detail"]


@pytest.mark.parametrize(
    ("name", "detail"),
    [
        ("encrypted", "SSLKEY is encrypted; give the key without a passphrase"),
        ("mismatched", "SSLKEY is not the private key of SSLCERT's certificate"),
        ("garbled", "SSLCERT is neither a certificate nor the path of one: No such file"),
    ],
)
def test_a_pair_that_is_none_is_the_operators_to_mend(
    proxy: Keyless, name: str, detail: str
) -> None:
    audit = proxy.audit()
    refused = refusal(proxy.places[name], name)
    assert refused.code == "08006"
    assert refused.sentence == f'role "{name}" is not set up correctly; tell its operator'
    assert audit.one("session.denied", role=name)["detail"].startswith(detail)


def test_a_certificate_that_was_renewed_is_found(
    start_keyless: StartKeyless,
    authority: Authority,
    server: EmbeddedPostgres,
    issued: Mapping[str, Issued],
    tmp_path: Path,
) -> None:
    """Upstream refuses the old one; the file has the new one by then."""
    for name in ("expired", "right"):
        pair = issued[name]
        (tmp_path / name).write_text(json.dumps({"crt": pair.certificate, "key": pair.key}))
    secret = tmp_path / "pair.json"
    secret.symlink_to(tmp_path / "expired")
    keyless = start_keyless(
        "[secrets]\ncache_ttl = 60\n"
        + role(
            "app",
            server,
            USER="cert_user",
            PASS=None,
            SSLMODE="verify-full",
            SSLROOTCERT=authority.pem,
            SSLCERT=f"_file:{secret}:crt",
            SSLKEY=f"_file:{secret}:key",
        )
    )
    audit = keyless.audit()
    assert refusal(keyless.places["app"], "app").code == "28000"
    secret.unlink()
    secret.symlink_to(tmp_path / "right")
    assert _method(keyless, "app", "cert_user") == "cert"
    assert audit.wait("login.retry")[0]["code"].endswith("ALERT_CERTIFICATE_EXPIRED")

"""How upstream wants to be logged in to, and what the role allows it to ask for."""

from collections.abc import Iterator
from itertools import product
from pathlib import Path

import pytest

from proxy.demo.postgres import EmbeddedPostgres
from tests.keyless import WRONG_PASSWORD, Keyless, role
from tests.servers.authority import Authority
from tests.wire import Wire, refusal

_USERS = {
    "scram_user": ("scram-sha-256", "asks for a SASL login"),
    "md5_user": ("md5", "asks for an md5 password"),
    "clear_user": ("password", "asks for the password in clear text"),
    "trust_user": ("none", "lets anybody in without a password"),
}
_METHODS = [method for method, _ in _USERS.values()]
_BOUND = {"scram-sha-256": "scram-sha-256-plus"}  # what a method is called over TLS
users = pytest.mark.parametrize("user", _USERS)


@pytest.fixture(scope="module")
def proxy(
    artefacts: Path, authority: Authority, tls_postgres: EmbeddedPostgres
) -> Iterator[Keyless]:
    """A role USER-METHOD for each method that REQUIRE_AUTH can say; over verified TLS."""
    tls = {"SSLMODE": "verify-full", "SSLROOTCERT": authority.pem}
    roles = [
        role(f"{user}-{method}", tls_postgres, USER=user, REQUIRE_AUTH=method, **tls)
        for user, method in product(_USERS, _METHODS)
    ]
    every = ", ".join(_METHODS)
    for user, (method, _) in _USERS.items():
        roles += [
            role(f"{user}-default", tls_postgres, USER=user, **tls),
            role(f"{user}-any", tls_postgres, USER=user, REQUIRE_AUTH=every, **tls),
            role(
                f"{user}-wrong",
                tls_postgres,
                USER=user,
                REQUIRE_AUTH=method,
                **tls | {"PASS": WRONG_PASSWORD},
            ),
        ]
    roles += [
        role("clear", tls_postgres, USER="clear_user", REQUIRE_AUTH="password", SSLMODE="disable"),
        role("loose", tls_postgres, USER="clear_user", REQUIRE_AUTH="password", SSLMODE="require"),
        role("tls_user", tls_postgres, USER="tls_user", **tls),
        role("nobody", tls_postgres, USER="no_such_user", **tls),
        role("passless", tls_postgres, USER="trust_user", PASS=None, REQUIRE_AUTH="none"),
        role("nowhere", tls_postgres, DB="no_such_database"),
    ]
    with Keyless(artefacts / "authentication", "".join(roles)) as running:
        yield running


def _method(proxy: Keyless, name: str) -> str:
    audit = proxy.audit()
    with Wire(proxy.places[name]).log_in(name) as client:
        assert client.query("SELECT count(*) FROM accounts") == [b"100"]
    method: str = audit.one("session.start", role=name)["facts"]["method"]
    return method


@users
@pytest.mark.parametrize("allowed", ["any", *_METHODS])
def test_a_method_is_answered_if_the_role_allows_it(
    proxy: Keyless, user: str, allowed: str
) -> None:
    name = f"{user}-{allowed}"
    method, asks = _USERS[user]
    if allowed in ("any", method):
        assert _method(proxy, name) == _BOUND.get(method, method)
        return
    refused = refusal(proxy.places[name], name)
    assert refused.code == "08006"
    assert refused.sentence == (
        f'upstream of role "{name}" {asks}, which the role does not allow; '
        f"set REQUIRE_AUTH to {method} to allow it"
    )


@users
def test_a_role_that_says_nothing_allows_scram_only(proxy: Keyless, user: str) -> None:
    if user == "scram_user":
        assert _method(proxy, "scram_user-default") == "scram-sha-256-plus"
    else:
        name = f"{user}-default"
        assert "does not allow" in refusal(proxy.places[name], name).sentence


@pytest.mark.parametrize("user", ["scram_user", "md5_user", "clear_user"])
def test_a_wrong_password(proxy: Keyless, user: str) -> None:
    name = f"{user}-wrong"
    audit = proxy.audit()
    refused = refusal(proxy.places[name], name)
    assert refused.code == "28000"
    assert refused.sentence == (
        f'upstream of role "{name}" refused the login; the role\'s credential may be out of date'
    )
    denied = audit.one("session.denied", role=name)
    assert denied["detail"] == f'28P01 password authentication failed for user "{user}"'


def test_an_unknown_account_reads_like_a_wrong_password(proxy: Keyless) -> None:
    refused = refusal(proxy.places["nobody"], "nobody")
    assert refused.code == "28000"
    assert "no_such_user" not in refused.sentence


@pytest.mark.parametrize("name", ["clear", "loose"])
def test_no_password_in_clear_text_without_verified_tls(proxy: Keyless, name: str) -> None:
    refused = refusal(proxy.places[name], name)
    assert refused.code == "08006"
    assert refused.sentence == (
        f'upstream of role "{name}" asks for the password in clear text over a connection that is '
        "not verified TLS; set SSLMODE to verify-full"
    )


def test_a_user_whom_upstream_lets_in_by_tls_only(proxy: Keyless) -> None:
    assert _method(proxy, "tls_user") == "scram-sha-256-plus"


def test_a_role_without_a_password(proxy: Keyless) -> None:
    assert _method(proxy, "passless") == "none"


def test_a_database_that_upstream_does_not_have(proxy: Keyless) -> None:
    refused = refusal(proxy.places["nowhere"], "nowhere")
    assert refused.code == "3D000"
    assert refused.sentence == 'upstream of role "nowhere" does not have this database'

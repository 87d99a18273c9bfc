"""A role's environment becomes a login, or a sentence that names the variable and no value."""

import pytest

from protocols.api import TcpEndpoint, TlsMode, TlsPolicy
from protocols.postgres.demands import ChannelBinding, TargetSession
from protocols.postgres.login import (
    VARIABLES,
    PostgresOptions,
    check_environment,
    make_login,
    socket_path,
)
from tests.secrecy import CANARY

_LEAST = {"HOST": "db.example", "USER": "joe", "PASS": CANARY}


def test_what_is_not_said_is_the_safe_choice() -> None:
    login = make_login("app", _LEAST, PostgresOptions())
    assert login.role == "app"
    assert (login.endpoint, login.fallbacks) == (TcpEndpoint("db.example", 5432), ())
    assert login.tls == TlsPolicy(TlsMode.VERIFY_FULL)
    assert login.channel_binding is ChannelBinding.PREFER
    assert login.target_session is TargetSession.ANY
    assert login.methods == {"scram-sha-256"}
    assert (login.user, login.password, login.database) == ("joe", CANARY, None)
    assert login.options == PostgresOptions()


def test_everything_may_be_said() -> None:
    environment = _LEAST | {
        "PORT": "6432",
        "DB": "shop",
        "SSLMODE": "verify-ca",
        "SSLROOTCERT": "/etc/ca.pem",
        "SSLCERT": "/etc/keyless.crt",
        "SSLKEY": "/etc/keyless.key",
        "REQUIRE_AUTH": "md5, scram-sha-256",
        "CHANNEL_BINDING": "require",
        "TARGET_SESSION_ATTRS": "primary",
    }
    assert set(environment) == {variable.name for variable in VARIABLES}
    assert check_environment(environment) == []
    login = make_login("app", environment, PostgresOptions(databases=("other",)))
    assert login.endpoint == TcpEndpoint("db.example", 6432)
    assert login.tls == TlsPolicy(
        TlsMode.VERIFY_CA, "/etc/ca.pem", "/etc/keyless.crt", "/etc/keyless.key"
    )
    assert login.channel_binding is ChannelBinding.REQUIRE
    assert login.target_session is TargetSession.PRIMARY
    assert login.methods == {"md5", "scram-sha-256"}
    assert (login.database, login.options.databases) == ("shop", ("other",))


def test_all_mistakes_are_told_at_once() -> None:
    wrong = ("PORT", "SSLMODE", "REQUIRE_AUTH", "CHANNEL_BINDING", "TARGET_SESSION_ATTRS")
    environment = {"HOST": "db", "USER": "joe", **dict.fromkeys(wrong, "x")}
    variables = [mistake.split()[0] for mistake in check_environment(environment)]
    assert variables == ["PASS", *wrong]


def test_one_mistake_is_told_once() -> None:
    (mistake,) = check_environment({"HOST": "db", "USER": "joe", "PASS": CANARY, "PORT": "x"})
    assert mistake == "PORT is not a port; write a number from 1 to 65535"


def test_references_are_not_judged_before_they_are_read() -> None:
    unread = dict.fromkeys([variable.name for variable in VARIABLES if variable.name != "SSLMODE"])
    assert check_environment(unread) == []


@pytest.mark.parametrize("name", ["USER", "PASS", "DB", "HOST"])
def test_no_value_may_hold_a_nul_byte(name: str) -> None:
    with pytest.raises(ValueError, match=f"^{name} has a NUL byte in it$"):
        make_login("app", _LEAST | {name: f"{CANARY}\0x"}, PostgresOptions())


def test_a_mistake_never_tells_the_value() -> None:
    for name in ("PORT", "SSLMODE", "REQUIRE_AUTH", "CHANNEL_BINDING", "TARGET_SESSION_ATTRS"):
        (mistake,) = check_environment(_LEAST | {name: CANARY})
        assert "nary" not in mistake


def test_a_login_tells_no_credential() -> None:
    environment = _LEAST | {"SSLCERT": f"{CANARY}c", "SSLKEY": f"{CANARY}k"}
    login = make_login("app", environment, PostgresOptions())
    assert "nary" not in repr(login)
    assert "joe" not in repr(login)
    left = login.without_credentials()
    assert not {left.user, left.password, left.tls.certificate, left.tls.key} - {"", None}
    assert (left.endpoint, left.tls.mode) == (login.endpoint, login.tls.mode)


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("/run/keyless", "/run/keyless/.s.PGSQL.5432"),
        ("/run/keyless/.s.PGSQL.6432", "/run/keyless/.s.PGSQL.6432"),
    ],
)
def test_a_socket_is_where_libpq_looks_for_it(path: str, found: str) -> None:
    assert socket_path(path) == found

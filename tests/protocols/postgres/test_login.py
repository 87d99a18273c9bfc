"""A role's environment becomes a login, or a sentence that names the variable and no value."""

import pytest

from protocols.api import TcpEndpoint, TlsMode, UnixEndpoint
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
    assert login.endpoint == TcpEndpoint("db.example", 5432)
    assert login.tls.mode is TlsMode.VERIFY_FULL
    assert login.tls.root_certificate is None
    assert login.methods == {"scram-sha-256"}
    assert (login.user, login.password, login.database) == ("joe", CANARY, None)
    assert login.databases == ()


def test_everything_may_be_said() -> None:
    environment = _LEAST | {
        "PORT": "6432",
        "DB": "shop",
        "SSLMODE": "verify-ca",
        "SSLROOTCERT": "/etc/ca.pem",
        "REQUIRE_AUTH": "md5, scram-sha-256",
    }
    assert set(environment) == {variable.name for variable in VARIABLES}
    assert check_environment(environment) == []
    login = make_login("app", environment, PostgresOptions(databases=("other",)))
    assert login.endpoint == TcpEndpoint("db.example", 6432)
    assert login.tls.mode is TlsMode.VERIFY_CA
    assert login.tls.root_certificate == "/etc/ca.pem"
    assert login.methods == {"md5", "scram-sha-256"}
    assert (login.database, login.databases) == ("shop", ("other",))


@pytest.mark.parametrize(
    ("host", "mode"),
    [
        ("localhost", TlsMode.PREFER),
        ("127.0.0.1", TlsMode.PREFER),
        ("127.1.2.3", TlsMode.PREFER),
        ("::1", TlsMode.PREFER),
        ("/run/postgresql", TlsMode.PREFER),
        ("db.example", TlsMode.VERIFY_FULL),
        ("localhost.example", TlsMode.VERIFY_FULL),
        ("localhosts", TlsMode.VERIFY_FULL),
        ("127.example", TlsMode.VERIFY_FULL),
        ("127.0.0.1.example", TlsMode.VERIFY_FULL),
        ("::1234", TlsMode.VERIFY_FULL),
        ("10.0.0.1", TlsMode.VERIFY_FULL),
    ],
)
def test_only_this_machine_needs_no_proof_of_itself(host: str, mode: TlsMode) -> None:
    login = make_login("app", _LEAST | {"HOST": host}, PostgresOptions())
    assert login.tls.mode is mode


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "::1", "db.example"])
@pytest.mark.parametrize("root", ["/ca.pem", "system", ""])
def test_who_names_an_authority_wants_it_asked(host: str, root: str) -> None:
    environment = _LEAST | {"HOST": host, "SSLROOTCERT": root}
    assert check_environment(environment) == []
    assert make_login("app", environment, PostgresOptions()).tls.mode is TlsMode.VERIFY_FULL


@pytest.mark.parametrize("mode", TlsMode)
def test_a_mode_that_is_said_is_used(mode: TlsMode) -> None:
    for host in ("localhost", "db.example"):
        environment = _LEAST | {"HOST": host, "SSLMODE": mode.value, "SSLROOTCERT": "/ca.pem"}
        assert make_login("app", environment, PostgresOptions()).tls.mode is mode


def test_a_directory_is_a_unix_socket() -> None:
    login = make_login("app", _LEAST | {"HOST": "/run/postgresql"}, PostgresOptions())
    assert login.endpoint == UnixEndpoint("/run/postgresql/.s.PGSQL.5432")


@pytest.mark.parametrize(
    ("changed", "variable"),
    [
        *(
            ({"PORT": port}, "PORT")
            for port in ("", "0", "65536", "-1", "5e3", " 1", "\u0663", "x")
        ),
        ({"SSLMODE": ""}, "SSLMODE"),
        ({"SSLMODE": "allow"}, "SSLMODE"),
        ({"SSLMODE": "Require"}, "SSLMODE"),
        ({"SSLMODE": "verify-ca"}, "SSLROOTCERT"),
        *(
            ({"SSLMODE": mode.value, "SSLROOTCERT": "system"}, "SSLROOTCERT")
            for mode in TlsMode
            if mode is not TlsMode.VERIFY_FULL
        ),
        ({"REQUIRE_AUTH": "gss"}, "REQUIRE_AUTH"),
        ({"REQUIRE_AUTH": "md5,"}, "REQUIRE_AUTH"),
        ({"REQUIRE_AUTH": "!md5"}, "REQUIRE_AUTH"),
    ],
)
def test_a_mistake_is_told_by_its_variable(changed: dict[str, str], variable: str) -> None:
    environment = _LEAST | changed
    (mistake,) = check_environment(environment)
    assert mistake.startswith(f"{variable} ")
    with pytest.raises(ValueError, match=f"^{variable} "):
        make_login("app", environment, PostgresOptions())


def test_all_mistakes_are_told_at_once() -> None:
    environment = {"HOST": "db", "USER": "joe", "PORT": "x", "SSLMODE": "x", "REQUIRE_AUTH": "x"}
    variables = [mistake.split()[0] for mistake in check_environment(environment)]
    assert variables == ["PASS", "PORT", "SSLMODE", "REQUIRE_AUTH"]


def test_a_password_is_needed_unless_the_server_asks_for_none() -> None:
    without = {"HOST": "db", "USER": "joe"}
    assert check_environment(without) != []
    assert check_environment(without | {"REQUIRE_AUTH": "none"}) == []
    assert make_login("app", without | {"REQUIRE_AUTH": "none"}, PostgresOptions()).password == ""


def test_references_are_not_judged_before_they_are_read() -> None:
    unread = dict.fromkeys([variable.name for variable in VARIABLES if variable.name != "SSLMODE"])
    assert check_environment(unread) == []


@pytest.mark.parametrize("name", ["USER", "PASS", "DB", "HOST"])
def test_no_value_may_hold_a_nul_byte(name: str) -> None:
    with pytest.raises(ValueError, match=f"^{name} has a NUL byte in it$"):
        make_login("app", _LEAST | {name: f"{CANARY}\0x"}, PostgresOptions())


def test_a_mistake_never_tells_the_value() -> None:
    for name in ("PORT", "SSLMODE", "REQUIRE_AUTH"):
        (mistake,) = check_environment(_LEAST | {name: CANARY})
        assert "nary" not in mistake


def test_a_login_tells_no_credential() -> None:
    told = repr(make_login("app", _LEAST, PostgresOptions()))
    assert "nary" not in told
    assert "joe" not in told


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("/run/keyless", "/run/keyless/.s.PGSQL.5432"),
        ("/run/keyless/.s.PGSQL.6432", "/run/keyless/.s.PGSQL.6432"),
    ],
)
def test_a_socket_is_where_libpq_looks_for_it(path: str, found: str) -> None:
    assert socket_path(path) == found

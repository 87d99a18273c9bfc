"""What each variable of a role says, and the sentence for one that says nothing known."""

import pytest

from protocols.api import TcpEndpoint, TlsMode, UnixEndpoint
from protocols.postgres.demands import METHODS
from protocols.postgres.login import PostgresLogin, PostgresOptions, check_environment, make_login
from tests.secrecy import CANARY

_LEAST = {"HOST": "db.example", "USER": "joe", "PASS": CANARY}
_PAIR = {"SSLCERT": "/client.crt", "SSLKEY": "/client.key"}


def _login(**changed: str) -> PostgresLogin:
    assert check_environment(_LEAST | changed) == []
    return make_login("app", _LEAST | changed, PostgresOptions())


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
        ("localhost,/run/postgresql,::1", TlsMode.PREFER),
        ("localhost,db.example", TlsMode.VERIFY_FULL),
        ("db.example,127.0.0.1", TlsMode.VERIFY_FULL),
    ],
)
def test_only_this_machine_needs_no_proof_of_itself(host: str, mode: TlsMode) -> None:
    assert _login(HOST=host).tls.mode is mode


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "::1", "db.example"])
@pytest.mark.parametrize("root", ["/ca.pem", "system", ""])
def test_who_names_an_authority_wants_it_asked(host: str, root: str) -> None:
    assert _login(HOST=host, SSLROOTCERT=root).tls.mode is TlsMode.VERIFY_FULL


@pytest.mark.parametrize("mode", TlsMode)
def test_a_mode_that_is_said_is_used(mode: TlsMode) -> None:
    for host in ("localhost", "db.example"):
        login = _login(HOST=host, SSLMODE=mode.value, SSLROOTCERT="/ca.pem")
        assert login.tls.mode is mode


_SOCKET = UnixEndpoint("/run/postgresql/.s.PGSQL.5432")


@pytest.mark.parametrize(
    ("host", "port", "hosts"),
    [
        ("/run/postgresql", None, [_SOCKET]),
        ("a", "1", [TcpEndpoint("a", 1)]),
        ("a,b", None, [TcpEndpoint("a", 5432), TcpEndpoint("b", 5432)]),
        ("a, b", " 1", [TcpEndpoint("a", 1), TcpEndpoint("b", 1)]),
        ("a,b", "1,2", [TcpEndpoint("a", 1), TcpEndpoint("b", 2)]),
        ("a,a", "1, 2", [TcpEndpoint("a", 1), TcpEndpoint("a", 2)]),
        ("::1,/run/postgresql", "1,5432", [TcpEndpoint("::1", 1), _SOCKET]),
    ],
)
def test_hosts_stand_in_their_order_with_one_port_or_each_its_own(
    host: str, port: str | None, hosts: list[object]
) -> None:
    login = _login(HOST=host, **{"PORT": port} if port else {})
    assert [login.endpoint, *login.fallbacks] == hosts


_SCRAM = {"scram-sha-256"}


@pytest.mark.parametrize(
    ("said", "methods"),
    [
        ({}, _SCRAM),
        ({"REQUIRE_AUTH": ""}, _SCRAM),
        (_PAIR, {"scram-sha-256", "cert"}),
        (_PAIR | {"REQUIRE_AUTH": "scram-sha-256"}, _SCRAM),
        ({"REQUIRE_AUTH": "md5,none"}, {"md5", "none"}),
        ({"REQUIRE_AUTH": "!password"}, set(METHODS) - {"password"}),
        ({"REQUIRE_AUTH": "!password, !none,!cert"}, {"scram-sha-256", "md5"}),
    ],
)
def test_methods_are_allowed_by_name_or_all_but_some(
    said: dict[str, str], methods: set[str]
) -> None:
    assert _login(**said).methods == methods


@pytest.mark.parametrize(
    ("changed", "variable"),
    [
        *(
            ({"PORT": port}, "PORT")
            for port in ("", "0", "65536", "-1", "5e3", "1 2", "\u0663", "x", "1,", "1,x")
        ),
        ({"SSLMODE": ""}, "SSLMODE"),
        ({"SSLMODE": "Require"}, "SSLMODE"),
        ({"SSLMODE": "verify-ca"}, "SSLROOTCERT"),
        *(
            ({"SSLMODE": mode.value, "SSLROOTCERT": "system"}, "SSLROOTCERT")
            for mode in TlsMode
            if mode is not TlsMode.VERIFY_FULL
        ),
        ({"REQUIRE_AUTH": "gss"}, "REQUIRE_AUTH"),
        ({"REQUIRE_AUTH": "md5,"}, "REQUIRE_AUTH"),
        ({"REQUIRE_AUTH": "!!md5"}, "REQUIRE_AUTH"),
        ({"REQUIRE_AUTH": "!gss"}, "REQUIRE_AUTH"),
        ({"REQUIRE_AUTH": "md5!"}, "REQUIRE_AUTH"),
        ({"CHANNEL_BINDING": "yes"}, "CHANNEL_BINDING"),
        ({"TARGET_SESSION_ATTRS": "replica"}, "TARGET_SESSION_ATTRS"),
        ({"HOST": ""}, "HOST"),
        ({"HOST": "a,,b"}, "HOST"),
        ({"HOST": "a, "}, "HOST"),
    ],
)
def test_a_mistake_is_told_by_its_variable(changed: dict[str, str], variable: str) -> None:
    environment = _LEAST | changed
    (mistake,) = check_environment(environment)
    assert mistake.startswith(f"{variable} ")
    with pytest.raises(ValueError, match=f"^{variable} "):
        make_login("app", environment, PostgresOptions())


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        (
            {"HOST": "a,,b"},
            "HOST has an empty name in it; write one host, or several by commas",
        ),
        (
            {"HOST": "a,b,c", "PORT": "1,2"},
            "PORT has 2 entries and HOST has 3; write one port for all hosts, or one for each",
        ),
        (
            {"PORT": "1,2"},
            "PORT has 2 entries and HOST has 1; write one port for all hosts, or one for each",
        ),
        (
            {"SSLCERT": "/client.crt"},
            "SSLKEY is missing; a certificate and its key go together",
        ),
        (
            {"SSLKEY": "/client.key"},
            "SSLCERT is missing; a certificate and its key go together",
        ),
        (
            {"REQUIRE_AUTH": "md5,!none"},
            "REQUIRE_AUTH names some methods with ! and some without; write either what is "
            "allowed, or what is not",
        ),
        (
            {"CHANNEL_BINDING": "require", "SSLMODE": "disable"},
            "CHANNEL_BINDING is require, which needs TLS; write SSLMODE = verify-full",
        ),
        (
            {"CHANNEL_BINDING": "off"},
            "CHANNEL_BINDING is not a mode; write one of disable, prefer, require",
        ),
        (
            {"TARGET_SESSION_ATTRS": "master"},
            "TARGET_SESSION_ATTRS is not a mode; write one of any, read-write, read-only, "
            "primary, standby, prefer-standby",
        ),
    ],
)
def test_a_mistake_says_what_to_write_instead(changed: dict[str, str], sentence: str) -> None:
    assert check_environment(_LEAST | changed) == [sentence]


@pytest.mark.parametrize("unread", ["HOST", "PORT", "SSLMODE", "SSLKEY", "REQUIRE_AUTH", "PASS"])
def test_what_depends_on_a_reference_is_not_judged(unread: str) -> None:
    said = {"HOST": "a,b", "PORT": "1,2", "SSLMODE": "require", "REQUIRE_AUTH": "md5", **_PAIR}
    assert check_environment(_LEAST | said | {unread: None}) == []


@pytest.mark.parametrize(
    ("said", "needed"),
    [
        ({}, True),
        ({"REQUIRE_AUTH": "scram-sha-256, md5"}, True),
        ({"REQUIRE_AUTH": "!none"}, True),
        ({"REQUIRE_AUTH": "none"}, False),
        ({"REQUIRE_AUTH": "!md5"}, False),
        (_PAIR, False),
    ],
)
def test_a_password_is_needed_unless_the_server_may_ask_for_none(
    said: dict[str, str], needed: bool
) -> None:
    environment = {"HOST": "db", "USER": "joe", **said}
    assert (check_environment(environment) != []) == needed
    if not needed:
        assert make_login("app", environment, PostgresOptions()).password == ""

"""A MySQL role's environment: what it becomes, and what is wrong with it before it becomes it."""

from dataclasses import replace

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from protocols.api import Endpoint, TcpEndpoint, TlsMode, TlsPolicy, UnixEndpoint
from protocols.environment import Environment
from protocols.mysql.login import (
    VARIABLES,
    MysqlLogin,
    MysqlOptions,
    check_environment,
    make_login,
    socket_path,
)
from tests.secrecy import CANARY

_MINIMAL = {"HOST": "db.example", "USER": "app", "PASS": CANARY}
_PEM = (
    rsa.generate_private_key(65_537, 2048)
    .public_key()
    .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    .decode()
)


def _make(**more: str) -> MysqlLogin:
    return make_login("app", _MINIMAL | more, MysqlOptions())


def test_little_needs_to_be_said() -> None:
    assert _make() == MysqlLogin(
        role="app",
        endpoint=TcpEndpoint("db.example", 3306),
        tls=TlsPolicy(TlsMode.VERIFY_FULL),
        user="app",
        password=CANARY,
    )


def test_everything_can_be_said() -> None:
    options = MysqlOptions(databases=("shop",))
    tls = {"SSLMODE": "verify-ca", "SSLROOTCERT": "root", "SSLCERT": "c", "SSLKEY": "k"}
    more = {"PORT": "3307", "DB": "shop", "SERVER_PUBLIC_KEY": _PEM}
    assert {*_MINIMAL, *tls, *more} == {variable.name for variable in VARIABLES}
    assert make_login("app", _MINIMAL | tls | more, options) == MysqlLogin(
        role="app",
        endpoint=TcpEndpoint("db.example", 3307),
        tls=TlsPolicy(TlsMode.VERIFY_CA, "root", "c", "k"),
        user="app",
        password=CANARY,
        database="shop",
        public_key=_PEM,
        options=options,
    )


@pytest.mark.parametrize(
    ("host", "endpoint", "mode"),
    [
        ("/run/mysqld/mysqld.sock", UnixEndpoint("/run/mysqld/mysqld.sock"), TlsMode.PREFER),
        ("127.0.0.1", TcpEndpoint("127.0.0.1", 3306), TlsMode.PREFER),
        ("db.example", TcpEndpoint("db.example", 3306), TlsMode.VERIFY_FULL),
    ],
)
def test_a_host_is_a_name_or_a_sockets_path(host: str, endpoint: Endpoint, mode: TlsMode) -> None:
    login = _make(HOST=host)
    assert (login.endpoint, login.tls.mode) == (endpoint, mode)


@pytest.mark.parametrize(
    ("name", "mode"),
    [
        ("disable", TlsMode.DISABLE),
        ("DISABLED", TlsMode.DISABLE),
        ("prefer", TlsMode.PREFER),
        ("PREFERRED", TlsMode.PREFER),
        ("require", TlsMode.REQUIRE),
        ("REQUIRED", TlsMode.REQUIRE),
        ("verify-ca", TlsMode.VERIFY_CA),
        ("VERIFY_CA", TlsMode.VERIFY_CA),
        ("verify-full", TlsMode.VERIFY_FULL),
        ("VERIFY_IDENTITY", TlsMode.VERIFY_FULL),
    ],
)
def test_modes_have_our_names_and_mysqls(name: str, mode: TlsMode) -> None:
    assert _make(SSLMODE=name, SSLROOTCERT="root").tls.mode is mode


def test_a_session_needs_no_database_and_a_certificate_may_do_for_a_password() -> None:
    assert _make(DB="").database is None
    environment = {"HOST": "h", "USER": "u", "SSLCERT": "c", "SSLKEY": "k"}
    assert make_login("app", environment, MysqlOptions()).password == ""


@pytest.mark.parametrize(
    ("changes", "mistake"),
    [
        ({"PORT": "mysql"}, "PORT is not a port"),
        ({"SSLMODE": "allow"}, "SSLMODE is not a mode; write one of disable, prefer, require"),
        ({"SSLMODE": "VERIFY_CA"}, "SSLROOTCERT is needed"),
        ({"SSLMODE": "REQUIRED", "SSLROOTCERT": "system"}, "SSLROOTCERT is system"),
        ({"SSLCERT": "c"}, "SSLKEY is missing"),
        (
            {"SERVER_PUBLIC_KEY": "/etc/mysql/public_key.pem"},
            "SERVER_PUBLIC_KEY is not an RSA public key in PEM; write the text of the server's "
            "public_key.pem, or refer to the file: _file:/PATH",
        ),
    ],
)
def test_a_mistake_is_told_before_secrets_are_read(changes: Environment, mistake: str) -> None:
    (told,) = check_environment({**_MINIMAL, **changes})
    assert told.startswith(mistake)


def test_a_password_must_come_from_somewhere() -> None:
    (told,) = check_environment({"HOST": "h", "USER": "u"})
    assert told.startswith("PASS is missing")


def test_references_are_not_judged() -> None:
    assert not check_environment(dict.fromkeys((variable.name for variable in VARIABLES), None))


@pytest.mark.parametrize("name", ["USER", "PASS", "DB", "HOST"])
def test_a_nul_is_told_without_the_value(name: str) -> None:
    with pytest.raises(ValueError, match=f"^{name} has a NUL byte in it$"):
        _make(**{name: f"{CANARY}\0"})


def test_a_secret_that_is_no_port_is_told_without_its_value() -> None:
    with pytest.raises(ValueError, match=r"^PORT is not a port; write a number from 1 to 65535$"):
        _make(PORT=CANARY)


def test_a_repr_has_no_credential_in_it() -> None:
    login = _make(SSLCERT="-----BEGIN-", SSLKEY=CANARY)
    assert CANARY not in repr(login)
    assert "user" not in repr(login)


def test_what_is_kept_after_login_has_no_credential() -> None:
    login = _make(SSLCERT="c", SSLKEY="k")
    kept = login.without_credentials()
    assert kept == replace(login, user="", password="", tls=TlsPolicy(TlsMode.VERIFY_FULL))


@pytest.mark.parametrize(
    ("path", "socket"),
    [
        ("/run/keyless/app", "/run/keyless/app/mysqld.sock"),
        ("/run/keyless/app.sock", "/run/keyless/app.sock"),
    ],
)
def test_a_listener_is_a_socket_or_a_folder_for_it(path: str, socket: str) -> None:
    assert socket_path(path) == socket

"""A Postgres role's settings: which variables its environment has, and the login they become."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from ipaddress import ip_address
from typing import Self

from protocols.api import Endpoint, Login, TcpEndpoint, TlsMode, TlsPolicy, UnixEndpoint, Variable

VARIABLES = (
    Variable("HOST", "the server's host name or address, or its Unix socket's directory", True),
    Variable("PORT", "the server's port, 5432 if not given", default="5432"),
    Variable("USER", "the account to log in with", required=True),
    Variable("PASS", "the account's password"),
    Variable("DB", "the database that a client gets if it names none"),
    Variable("SSLMODE", "disable, prefer, require, verify-ca or verify-full"),
    Variable("SSLROOTCERT", "the certificate authority to trust: PEM text, a path, or system"),
    Variable("REQUIRE_AUTH", "the login methods allowed: scram-sha-256, md5, password, none"),
)

METHODS = ("scram-sha-256", "md5", "password", "none")


@dataclass(frozen=True, slots=True)
class PostgresOptions:
    """What a role of this kind may say beside its environment.

    `databases` lists what a client may ask for instead of DB; "*" stands for any.
    """

    databases: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class PostgresLogin(Login):
    """Where to go and who to be there."""

    user: str = field(repr=False)
    password: str = field(repr=False)
    database: str | None = None
    databases: tuple[str, ...] = ()
    methods: frozenset[str] = frozenset({"scram-sha-256"})

    def without_credentials(self) -> Self:
        return replace(self, user="", password="")


def check_environment(literals: Mapping[str, str | None]) -> Sequence[str]:
    """What is wrong with an environment, as far as its literals tell. References are None."""
    checks = (_check_password, _check_port, _check_tls, _check_methods)
    return [mistake for check in checks if (mistake := check(literals))]


def make_login(
    role: str, environment: Mapping[str, str], options: PostgresOptions
) -> PostgresLogin:
    """Raises ValueError with the variable's name, never its value: it may come from a secret."""
    for mistake in check_environment(environment):
        raise ValueError(mistake)
    for name, value in environment.items():
        if "\0" in value:
            raise ValueError(f"{name} has a NUL byte in it")
    return PostgresLogin(
        role=role,
        endpoint=_endpoint(environment),
        tls=TlsPolicy(_tls_mode(environment), environment.get("SSLROOTCERT")),
        user=environment["USER"],
        password=environment.get("PASS", ""),
        database=environment.get("DB"),
        databases=options.databases,
        methods=_methods(environment),
    )


def socket_path(path: str) -> str:
    """libpq is told a directory and looks for `.s.PGSQL.PORT` in it."""
    return path if "/.s.PGSQL." in path else f"{path}/.s.PGSQL.5432"


def _endpoint(environment: Mapping[str, str]) -> Endpoint:
    host, port = environment["HOST"], int(environment.get("PORT", "5432"))
    return UnixEndpoint(f"{host}/.s.PGSQL.{port}") if host[:1] == "/" else TcpEndpoint(host, port)


def _tls_mode(environment: Mapping[str, str | None]) -> TlsMode:
    if mode := environment.get("SSLMODE"):
        return TlsMode(mode)
    trusted = "SSLROOTCERT" not in environment and _is_here(environment.get("HOST") or "")
    return TlsMode.PREFER if trusted else TlsMode.VERIFY_FULL


def _is_here(host: str) -> bool:
    """Whether it is this machine for certain: localhost.example.org is not, nor is 127.example."""
    try:
        return host == "localhost" or host[:1] == "/" or ip_address(host).is_loopback
    except ValueError:
        return False


def _methods(environment: Mapping[str, str | None]) -> frozenset[str]:
    required = environment.get("REQUIRE_AUTH") or METHODS[0]
    return frozenset(method.strip() for method in required.split(","))


def _check_password(environment: Mapping[str, str | None]) -> str | None:
    if "PASS" in environment or "none" in _methods(environment):
        return None
    return "PASS is missing; write a secret reference, such as _vaultkv2:my-secret:password"


def _check_port(environment: Mapping[str, str | None]) -> str | None:
    port = environment.get("PORT")
    if port is None or (port.isascii() and port.isdigit() and 0 < int(port) < 65_536):
        return None
    return "PORT is not a port; write a number from 1 to 65535"


def _check_tls(environment: Mapping[str, str | None]) -> str | None:
    names = [mode.value for mode in TlsMode]
    mode, root = environment.get("SSLMODE"), environment.get("SSLROOTCERT")
    if mode is not None and mode not in names:
        return f"SSLMODE is not a mode; write one of {', '.join(names)}"
    if root == "system" and mode not in (None, TlsMode.VERIFY_FULL.value):
        return (
            "SSLROOTCERT is system, which proves nothing without the host's name; "
            "write SSLMODE = verify-full"
        )
    if mode == TlsMode.VERIFY_CA.value and "SSLROOTCERT" not in environment:
        return (
            "SSLROOTCERT is needed with SSLMODE verify-ca; name your own authority's certificate, "
            "or write SSLMODE = verify-full to trust the system's"
        )
    return None


def _check_methods(environment: Mapping[str, str | None]) -> str | None:
    if _methods(environment) <= set(METHODS):
        return None
    return f"REQUIRE_AUTH names an unknown method; write some of {', '.join(METHODS)}"

"""A MySQL role's settings: which variables its environment has, and the login they become."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Self

from protocols.api import Login, Variable
from protocols.environment import Environment, Reader, mistakes
from protocols.mysql import environment as variables

VARIABLES = (
    Variable("HOST", "the server's host name or address, or its Unix socket's path", True),
    Variable("PORT", "the server's port, 3306 if not given", default="3306"),
    Variable("USER", "the account to log in with", required=True),
    Variable("PASS", "the account's password"),
    Variable("DB", "the database that a client gets if it names none"),
    Variable("SSLMODE", "disable, prefer, require, verify-ca or verify-full"),
    Variable("SSLROOTCERT", "the certificate authority to trust: PEM text, a path, or system"),
    Variable("SSLCERT", "the certificate to show to the server: PEM text or a path"),
    Variable("SSLKEY", "the certificate's private key: PEM text or a path"),
    Variable("SERVER_PUBLIC_KEY", "the server's RSA key, for logins without TLS: PEM text"),
)


@dataclass(frozen=True, slots=True)
class MysqlOptions:
    """What a role of this kind may say beside its environment."""

    databases: tuple[str, ...] = ()
    """What a client may ask for instead of DB when it connects; "*" stands for any."""
    allow_public_key_retrieval: bool = False
    """Whether, without TLS, a password may be encrypted by a key that the server sends unproven."""
    replication: bool = False
    """Whether clients may ask for binary logs and register as replicas."""
    local_infile: bool = True
    """Whether clients may load files of their own by LOAD DATA LOCAL."""
    audit_parameters: bool = False
    """Whether the values that a statement runs with are audited beside its text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MysqlLogin(Login):
    """Where to go and who to be there."""

    user: str = field(repr=False)
    password: str = field(repr=False)
    database: str | None = None
    public_key: str | None = None
    options: MysqlOptions = MysqlOptions()

    def without_credentials(self) -> Self:
        tls = replace(self.tls, certificate=None, key=None)
        return replace(self, tls=tls, user="", password="")


_READERS: Sequence[Reader] = (
    variables.password,
    variables.endpoint,
    variables.tls_policy,
    variables.public_key,
)


def check_environment(literals: Environment) -> Sequence[str]:
    """What is wrong with an environment, as far as its literals tell. References are None."""
    return mistakes(_READERS, literals)


def make_login(role: str, environment: Mapping[str, str], options: MysqlOptions) -> MysqlLogin:
    """Raises ValueError with the variable's name, never its value: it may come from a secret."""
    for mistake in check_environment(environment):
        raise ValueError(mistake)
    for name, value in environment.items():
        if "\0" in value:
            raise ValueError(f"{name} has a NUL byte in it")
    endpoint = variables.endpoint(environment)
    assert endpoint is not None
    return MysqlLogin(
        role=role,
        endpoint=endpoint,
        tls=variables.tls_policy(environment),
        user=environment["USER"],
        password=variables.password(environment),
        database=environment.get("DB") or None,
        public_key=variables.public_key(environment),
        options=options,
    )


def socket_path(path: str) -> str:
    """Clients are told the socket itself; in a folder it is called as the server's own."""
    return path if path.endswith(".sock") else f"{path}/mysqld.sock"

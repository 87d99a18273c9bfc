"""A Postgres role's settings: which variables its environment has, and the login they become."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Annotated, Literal, Self

from pydantic import Field

from protocols.api import Endpoint, Login, Variable
from protocols.environment import Environment, Reader, mistakes
from protocols.postgres import environment as variables
from protocols.postgres.demands import METHODS, ChannelBinding, TargetSession

VARIABLES = (
    Variable("HOST", "the server's host name or address, or its Unix socket's directory", True),
    Variable("PORT", "the server's port, 5432 if not given", default="5432"),
    Variable("USER", "the account to log in with", required=True),
    Variable("PASS", "the account's password"),
    Variable("DB", "the database that a client gets if it names none"),
    Variable("SSLMODE", "disable, allow, prefer, require, verify-ca or verify-full"),
    Variable("SSLROOTCERT", "the certificate authority to trust: PEM text, a path, or system"),
    Variable("SSLCERT", "the certificate to show to the server: PEM text or a path"),
    Variable("SSLKEY", "the certificate's private key: PEM text or a path"),
    Variable("REQUIRE_AUTH", f"the login methods allowed: {', '.join(METHODS)}"),
    Variable("CHANNEL_BINDING", "disable, prefer or require"),
    Variable("TARGET_SESSION_ATTRS", "what a host must be to be taken, any if not given"),
)

_MOST_ITERATIONS = 2**31 - 1  # that OpenSSL can count


@dataclass(frozen=True, slots=True)
class PostgresOptions:
    """What a role of this kind may say beside its environment."""

    databases: tuple[str, ...] = ()
    """What a client may ask for instead of DB; "*" stands for any."""
    replication: bool = False
    """Whether clients may open replication connections."""
    refuse: tuple[Literal["password-change", "copy-program"], ...] = ()
    """Kinds of statement that do not reach upstream."""
    audit_parameters: bool = False
    """Whether the values that a statement runs with are audited beside its text."""
    max_scram_iterations: Annotated[int, Field(ge=1, le=_MOST_ITERATIONS)] = 100_000
    """How much work upstream may ask of a login: 100,000 take about 20 ms of one core."""
    spares: Annotated[int, Field(ge=0, le=1000)] = 0
    """How many logins may wait for sessions to come."""
    spare_seconds: Annotated[float, Field(ge=1, le=3600)] = 60
    """How long one of them waits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PostgresLogin(Login):
    """Where to go and who to be there. `endpoint` is the first host to try, `fallbacks` are the
    others in their order."""

    fallbacks: tuple[Endpoint, ...] = ()
    target_session: TargetSession = TargetSession.ANY
    user: str = field(repr=False)
    password: str = field(repr=False)
    database: str | None = None
    methods: frozenset[str] = frozenset({"scram-sha-256"})
    channel_binding: ChannelBinding = ChannelBinding.PREFER
    options: PostgresOptions = PostgresOptions()

    @property
    def credentials(self) -> str:
        """What `without_credentials` leaves out, to tell whether another login has the same."""
        texts = (self.user, self.password, self.tls.certificate or "", self.tls.key or "")
        return "\0".join(texts)  # no variable may have a NUL in it

    def without_credentials(self) -> Self:
        tls = replace(self.tls, certificate=None, key=None)
        return replace(self, tls=tls, user="", password="")


_READERS: Sequence[Reader] = (
    variables.password,
    variables.hosts,
    variables.tls_policy,
    variables.methods,
    variables.channel_binding,
    variables.target_session,
)


def check_environment(literals: Environment) -> Sequence[str]:
    """What is wrong with an environment, as far as its literals tell. References are None."""
    return mistakes(_READERS, literals)


def make_login(
    role: str, environment: Mapping[str, str], options: PostgresOptions
) -> PostgresLogin:
    """Raises ValueError with the variable's name, never its value: it may come from a secret."""
    for name, value in environment.items():
        if "\0" in value:
            raise ValueError(f"{name} has a NUL byte in it")
    endpoint, *fallbacks = variables.hosts(environment)
    return PostgresLogin(
        role=role,
        endpoint=endpoint,
        fallbacks=tuple(fallbacks),
        target_session=variables.target_session(environment),
        tls=variables.tls_policy(environment),
        user=environment["USER"],
        password=variables.password(environment),
        database=environment.get("DB"),
        methods=variables.methods(environment),
        channel_binding=variables.channel_binding(environment),
        options=options,
    )


def socket_path(path: str) -> str:
    """libpq is told a directory and looks for `.s.PGSQL.PORT` in it."""
    return path if "/.s.PGSQL." in path else f"{path}/.s.PGSQL.5432"

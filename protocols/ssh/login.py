"""An SSH role's settings: which variables its environment has, and the login they become."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Self

from protocols.api import Login, TlsMode, TlsPolicy, Variable
from protocols.environment import Environment, Reader, mistakes
from protocols.ssh import environment as variables
from protocols.ssh.options import SshOptions

VARIABLES = (
    Variable("HOST", "the server's host name or address", required=True),
    Variable("PORT", "the server's port, 22 if not given", default="22"),
    Variable("USER", "the account to log in with", required=True),
    Variable("PASS", "the account's password"),
    Variable("PRIVATE_KEY", "a private key of the account: its text or a path"),
    Variable("AUTHORIZED_SERVER_KEYS", "another name of PRIVATE_KEY"),
    Variable("PASSPHRASE", "what the private key is encrypted with"),
    Variable("CERTIFICATE", "the private key's OpenSSH certificate: its text or a path"),
    Variable("KNOWN_HOSTS", "the server's public key or known_hosts lines, or a file's path"),
)
_NO_TLS = TlsPolicy(TlsMode.DISABLE)


@dataclass(frozen=True, slots=True, kw_only=True)
class SshLogin(Login):
    """Where to go and who to be there. Keys are text or paths, as they were written."""

    user: str = field(repr=False)
    password: str | None = field(repr=False)
    private_key: str | None = field(repr=False)
    passphrase: str | None = field(repr=False)
    certificate: str | None = field(repr=False)
    known_hosts: str = field(repr=False)
    options: SshOptions

    def without_credentials(self) -> Self:
        return replace(
            self, user="", password=None, private_key=None, passphrase=None, certificate=None
        )


_READERS: Sequence[Reader] = (variables.endpoint, variables.credential, variables.known_hosts)


def check_environment(literals: Environment) -> Sequence[str]:
    """What is wrong with an environment, as far as its literals tell. References are None."""
    return mistakes(_READERS, literals)


def make_login(role: str, environment: Mapping[str, str], options: SshOptions) -> SshLogin:
    """Raises ValueError with the variable's name, never its value: it may come from a secret."""
    for mistake in check_environment(environment):
        raise ValueError(mistake)
    endpoint = variables.endpoint(environment)
    assert endpoint is not None
    return SshLogin(
        role=role,
        endpoint=endpoint,
        tls=_NO_TLS,
        user=environment["USER"],
        password=environment.get("PASS"),
        private_key=variables.private_key(environment),
        passphrase=environment.get("PASSPHRASE"),
        certificate=environment.get("CERTIFICATE"),
        known_hosts=environment["KNOWN_HOSTS"],
        options=options,
    )


def socket_path(path: str) -> str:
    """No client has a place of its own for it; `ProxyCommand` is told the socket itself."""
    return path if path.endswith(".sock") else f"{path}/ssh.sock"

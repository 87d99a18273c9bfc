"""What a MySQL role's variables say, each reader by itself; see `protocols.environment`."""

from protocols.api import Endpoint, TcpEndpoint, TlsMode, TlsPolicy, UnixEndpoint
from protocols.environment import Environment, port
from protocols.environment import tls_policy as any_tls_policy
from protocols.mysql import passwords

_MODES = {
    "disable": TlsMode.DISABLE,
    "prefer": TlsMode.PREFER,
    "require": TlsMode.REQUIRE,
    "verify-ca": TlsMode.VERIFY_CA,
    "verify-full": TlsMode.VERIFY_FULL,
    # the same by the names of MySQL's own client
    "DISABLED": TlsMode.DISABLE,
    "PREFERRED": TlsMode.PREFER,
    "REQUIRED": TlsMode.REQUIRE,
    "VERIFY_CA": TlsMode.VERIFY_CA,
    "VERIFY_IDENTITY": TlsMode.VERIFY_FULL,
}


def password(environment: Environment) -> str:
    """PASS, or nothing where a certificate may do."""
    if not {"PASS", "SSLCERT"} & environment.keys():
        raise ValueError(
            "PASS is missing; write a secret reference, such as _vaultkv2:my-secret:password"
        )
    return environment.get("PASS") or ""


def endpoint(environment: Environment) -> Endpoint | None:
    """HOST and PORT; None where a reference says it."""
    host, written = environment.get("HOST"), environment.get("PORT", "3306")
    number = port(written) if written is not None else None
    if host is not None and host.startswith("/"):
        return UnixEndpoint(host)
    return TcpEndpoint(host, number) if host is not None and number is not None else None


def tls_policy(environment: Environment) -> TlsPolicy:
    """SSLMODE and the certificates."""
    known = endpoint(environment)
    return any_tls_policy(environment, _MODES, [known] if known is not None else [])


def public_key(environment: Environment) -> str | None:
    """SERVER_PUBLIC_KEY, as PEM text."""
    pem = environment.get("SERVER_PUBLIC_KEY")
    if pem is not None:
        try:
            passwords.public_key(pem)
        except ValueError as fault:
            raise ValueError(
                f"SERVER_PUBLIC_KEY {fault}; write the text of the server's public_key.pem, or "
                "refer to the file: _file:/PATH"
            ) from None
    return pem

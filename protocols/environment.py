"""What a role's variables say of how to reach upstream, alike for every kind of role that dials.

A reader may be asked before secrets are read: references are None then, and what depends on them is
not judged. Raises ValueError with a sentence that begins with the variable's name and never holds a
value, which may come from a secret.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from ipaddress import ip_address
from typing import Any, TypeVar

from protocols.api import Endpoint, TlsMode, TlsPolicy, UnixEndpoint

Environment = Mapping[str, str | None]
Reader = Callable[[Environment], Any]
T = TypeVar("T")


def mistakes(readers: Iterable[Reader], environment: Environment) -> Sequence[str]:
    """What these readers find wrong, each sentence once."""
    found = (_mistake(read, environment) for read in readers)
    return list(dict.fromkeys(filter(None, found)))


def _mistake(read: Reader, environment: Environment) -> str:
    try:
        read(environment)
    except ValueError as mistake:
        return str(mistake)
    return ""


def port(text: str) -> int:
    if text.isascii() and text.isdigit() and 0 < int(text) < 65_536:
        return int(text)
    raise ValueError("PORT is not a port; write a number from 1 to 65535")


def choice(environment: Environment, name: str, choices: Mapping[str, T], default: T) -> T:
    """The one of a variable's choices that is written, by any of its names."""
    value = environment.get(name)
    if value is None:
        return default
    if value not in choices:
        raise ValueError(f"{name} is not a mode; write one of {', '.join(choices)}")
    return choices[value]


def tls_policy(
    environment: Environment, modes: Mapping[str, TlsMode], endpoints: Iterable[Endpoint]
) -> TlsPolicy:
    """SSLMODE by the names that this kind of role has for it, and the certificates.

    Where it is not said, a server must prove everything, unless all are on this very machine.
    """
    root = environment.get("SSLROOTCERT")
    trusted = "SSLROOTCERT" not in environment and all(map(is_here, endpoints))
    default = TlsMode.PREFER if trusted else TlsMode.VERIFY_FULL
    mode = choice(environment, "SSLMODE", modes, default)
    _check_root(mode, environment)
    for one, other in (("SSLCERT", "SSLKEY"), ("SSLKEY", "SSLCERT")):
        if one in environment and other not in environment:
            raise ValueError(f"{other} is missing; a certificate and its key go together")
    return TlsPolicy(mode, root, environment.get("SSLCERT"), environment.get("SSLKEY"))


def is_here(endpoint: Endpoint) -> bool:
    """Whether it is this machine for certain: localhost.example.org is not, nor is 127.example."""
    if isinstance(endpoint, UnixEndpoint):
        return True
    try:
        return endpoint.host == "localhost" or ip_address(endpoint.host).is_loopback
    except ValueError:
        return False


def _check_root(mode: TlsMode, environment: Environment) -> None:
    if environment.get("SSLROOTCERT") == "system" and mode is not TlsMode.VERIFY_FULL:
        raise ValueError(
            "SSLROOTCERT is system, which proves nothing without the host's name; "
            "write SSLMODE = verify-full"
        )
    if mode is TlsMode.VERIFY_CA and "SSLROOTCERT" not in environment:
        raise ValueError(
            "SSLROOTCERT is needed with SSLMODE verify-ca; name your own authority's certificate, "
            "or write SSLMODE = verify-full to trust the system's"
        )

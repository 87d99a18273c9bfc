"""What an SSH role's variables say, each reader by itself; see `protocols.environment`."""

from protocols.api import TcpEndpoint
from protocols.environment import Environment, port

_KEY = "PRIVATE_KEY"
_KEY_BY_HOOP = "AUTHORIZED_SERVER_KEYS"


def endpoint(environment: Environment) -> TcpEndpoint | None:
    """HOST and PORT; None where a reference has them."""
    number = environment.get("PORT", "22")
    host = environment.get("HOST")
    checked = None if number is None else port(number)
    if host is not None and (not host.strip() or host[:1] == "/" or "," in host):
        raise ValueError("HOST is not one host; write its name or address")
    return None if host is None or checked is None else TcpEndpoint(host, checked)


def credential(environment: Environment) -> None:
    """There must be one, and what goes with a key needs a key."""
    keys = {_KEY, _KEY_BY_HOOP} & environment.keys()
    if len(keys) == 2:
        raise ValueError(f"{_KEY_BY_HOOP} is another name of {_KEY}; write one of them")
    if not keys | ({"PASS"} & environment.keys()):
        raise ValueError(
            f"PASS is missing, and so is {_KEY}; write a secret reference for one of them, such as "
            "_vaultkv2:my-secret:private_key"
        )
    for name in ("PASSPHRASE", "CERTIFICATE"):
        if name in environment and not keys:
            raise ValueError(f"{name} needs a {_KEY} beside it")


def private_key(environment: Environment) -> str | None:
    """By either name."""
    return environment.get(_KEY, environment.get(_KEY_BY_HOOP))


def known_hosts(environment: Environment) -> str | None:
    if "KNOWN_HOSTS" not in environment:
        raise ValueError(
            "KNOWN_HOSTS is missing; write the server's public key, as `ssh-keyscan HOST` shows "
            "it, or a known_hosts file's path"
        )
    known = environment["KNOWN_HOSTS"]
    if known is not None and not known.strip():
        raise ValueError("KNOWN_HOSTS is empty; write the server's public key")
    return known

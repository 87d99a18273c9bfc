"""What asyncssh is told, as a client and as a server: everything in so many words.

What is left out, it takes from the operator's own configuration, agent, keys and tickets.
"""

from collections.abc import Mapping
from functools import cache
from types import MappingProxyType
from typing import Any

from asyncssh import (
    SSHClientConnectionOptions,
    SSHKnownHosts,
    SSHServerConnectionOptions,
    import_private_key,
)

from protocols.api import TcpEndpoint

_VERSION = "Keyless"
# The one comes first that costs the least by far; a client's connection has the first of these that
# the client has. There is no compression, which would let whoever sends a packet have us make a
# thousand times as much of it.
_CIPHERS = (
    "aes128-gcm@openssh.com",
    "aes256-gcm@openssh.com",
    "chacha20-poly1305@openssh.com",
    "aes128-ctr",
    "aes192-ctr",
    "aes256-ctr",
)
# Dropbear's client guesses that this is our first. Which one is used, the client's order decides.
_GUESSED = "^curve25519-sha256"
_ALIKE: Mapping[str, Any] = MappingProxyType(
    {
        "config": None,
        "x509_trusted_certs": None,
        "x509_trusted_cert_paths": (),
        "encryption_algs": _CIPHERS,
        "compression_algs": None,
        "gss_host": None,
        "host_based_auth": False,
        "proxy_command": None,
        "tunnel": None,
        "login_timeout": 0,
        "keepalive_interval": 0,
    }
)


def as_client(
    user: str, endpoint: TcpEndpoint, known_hosts: SSHKnownHosts | None
) -> SSHClientConnectionOptions:
    """Of a server with one of these keys, or with any. Keys and passwords are asked for later."""
    return SSHClientConnectionOptions(
        **_ALIKE,
        host=endpoint.host,
        port=endpoint.port,
        username=user,
        client_version=_VERSION,
        known_hosts=known_hosts,
        client_keys=None,
        client_username="",
        client_host_keysign=False,
        agent_path=None,
        agent_forwarding=False,
        pkcs11_provider=None,
    )


@cache
def as_server(host_key: bytes) -> SSHServerConnectionOptions:
    """The same for all clients: it takes a while to make."""
    return SSHServerConnectionOptions(
        **_ALIKE,
        server_version=_VERSION,
        server_host_keys=[import_private_key(host_key)],
        kex_algs=_GUESSED,
        authorized_client_keys=None,
    )

"""Listen addresses as users write them: `127.0.0.1:6432`, `[::1]:6432`, `unix:/run/keyless/db`."""

from ipaddress import ip_address

from protocols.api import Endpoint, Kind, TcpEndpoint, UnixEndpoint

_EXAMPLES = "write HOST:PORT, such as 127.0.0.1:6432, or unix:/absolute/path"
_MAX_SOCKET_PATH = 107 - len("/.s.PGSQL.65535")  # the kernel's bound, with what a protocol appends


def parse_listen(text: str) -> Endpoint:
    """Raises ValueError with what to write instead."""
    if text.startswith("unix:"):
        return _unix(text.removeprefix("unix:"))
    host, colon, port = text.rpartition(":")
    if not (colon and host and port.isascii() and port.isdigit() and int(port) < 65_536):
        raise ValueError(f"is not an address; {_EXAMPLES}")
    if host != "localhost":
        try:
            ip_address(host.strip("[]"))
        except ValueError:
            raise ValueError(f"is not an IP address of this machine; {_EXAMPLES}") from None
    return TcpEndpoint(host.strip("[]"), int(port))


def is_loopback(endpoint: Endpoint) -> bool:
    """Whether only this machine's users can reach it."""
    if isinstance(endpoint, UnixEndpoint) or endpoint.host == "localhost":
        return True
    return ip_address(endpoint.host).is_loopback


def bindable(endpoint: Endpoint, protocol: Kind) -> Endpoint:
    """Where a listener really is: a Unix socket is where the protocol's clients look for it."""
    if isinstance(endpoint, UnixEndpoint):
        return UnixEndpoint(protocol.socket_path(endpoint.path))
    return endpoint


def _unix(path: str) -> UnixEndpoint:
    if not path.startswith("/"):
        raise ValueError(f"is not an absolute path; {_EXAMPLES}")
    if len(path.encode()) > _MAX_SOCKET_PATH:
        raise ValueError(f"is longer than the {_MAX_SOCKET_PATH} bytes a socket's path may have")
    return UnixEndpoint(path)

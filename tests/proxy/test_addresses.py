"""Listen addresses as users write them."""

import pytest

from protocols.api import Endpoint, TcpEndpoint, UnixEndpoint
from proxy.addresses import is_loopback, parse_listen


@pytest.mark.parametrize(
    ("text", "endpoint", "loopback"),
    [
        ("127.0.0.1:6432", TcpEndpoint("127.0.0.1", 6432), True),
        ("127.8.8.8:0", TcpEndpoint("127.8.8.8", 0), True),
        ("localhost:65535", TcpEndpoint("localhost", 65535), True),
        ("[::1]:6432", TcpEndpoint("::1", 6432), True),
        ("0.0.0.0:6432", TcpEndpoint("0.0.0.0", 6432), False),
        ("[::]:6432", TcpEndpoint("::", 6432), False),
        ("192.0.2.1:1", TcpEndpoint("192.0.2.1", 1), False),
        ("unix:/run/keyless/db", UnixEndpoint("/run/keyless/db"), True),
    ],
)
def test_an_address(text: str, endpoint: Endpoint, loopback: bool) -> None:
    assert parse_listen(text) == endpoint
    assert is_loopback(endpoint) == loopback


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "is not an address"),
        ("6432", "is not an address"),
        (":6432", "is not an address"),
        ("127.0.0.1:", "is not an address"),
        ("127.0.0.1:65536", "is not an address"),
        ("127.0.0.1:-1", "is not an address"),
        ("127.0.0.1:٣", "is not an address"),
        ("db.internal:6432", "is not an IP address of this machine"),
        ("unix:run/keyless", "is not an absolute path"),
        ("unix:/" + "x" * 92, "is longer than the 92 bytes a socket's path may have"),
    ],
)
def test_what_is_no_address(text: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        parse_listen(text)


def test_the_longest_path_can_be_listened_on() -> None:
    longest = parse_listen("unix:/" + "x" * 91)
    assert isinstance(longest, UnixEndpoint)
    assert len(f"{longest.path}/.s.PGSQL.65535") == 107

"""Connects to upstream: every address a name has, in turn, until one answers."""

import asyncio
import errno
import os
import socket
import ssl
from dataclasses import dataclass
from typing import Any

from protocols.api import Endpoint, UnixEndpoint

KEEPALIVE_IDLE = 60  # seconds; a peer that vanished without a word is found out in two minutes
_UNACKNOWLEDGED = 120
_KEEPALIVE_INTERVAL = 15
_KEEPALIVE_PROBES = 4


@dataclass(frozen=True, slots=True)
class Address:
    """One resolved address."""

    family: socket.AddressFamily
    sockaddr: Any


@dataclass(frozen=True, slots=True)
class Route:
    """The way that a session took to upstream, for its cancel request to take it again: the very
    machine, with the same certificates on either side."""

    address: Address
    tls: ssl.SSLContext | None = None


async def resolve(endpoint: Endpoint) -> list[Address]:
    """Raises OSError."""
    if isinstance(endpoint, UnixEndpoint):
        return [Address(socket.AF_UNIX, endpoint.path)]
    found = await asyncio.get_running_loop().getaddrinfo(
        endpoint.host, endpoint.port, type=socket.SOCK_STREAM
    )
    return [Address(family, sockaddr) for family, _, _, _, sockaddr in found]


async def connect(addresses: list[Address], until: float) -> tuple[socket.socket, Address]:
    """The first address that takes a connection before the loop's time is `until`: one that does
    not answer has its share of what is left. Raises the last one's OSError."""
    loop = asyncio.get_running_loop()
    failure = OSError("the name has no address")
    for left, address in zip(range(len(addresses), 0, -1), addresses, strict=True):
        share = (until - loop.time()) / left
        try:
            async with asyncio.timeout(share):
                return await _connect(address), address
        except TimeoutError:
            failure = OSError(errno.ETIMEDOUT, os.strerror(errno.ETIMEDOUT))
        except OSError as error:
            failure = error
    raise failure


async def _connect(address: Address) -> socket.socket:
    sock = socket.socket(address.family, socket.SOCK_STREAM)
    try:
        sock.setblocking(False)
        await asyncio.get_running_loop().sock_connect(sock, address.sockaddr)
        tune(sock)
    except BaseException:
        sock.close()
        raise
    return sock


def tune(sock: socket.socket) -> None:
    """No delay for small messages, and an end to connections whose peer is gone."""
    if sock.family == socket.AF_UNIX:
        return
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    if hasattr(socket, "TCP_USER_TIMEOUT"):  # where keepalive is silent: with data under way
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, 1000 * _UNACKNOWLEDGED)
    if hasattr(socket, "TCP_KEEPIDLE"):
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, KEEPALIVE_IDLE)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, _KEEPALIVE_INTERVAL)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, _KEEPALIVE_PROBES)

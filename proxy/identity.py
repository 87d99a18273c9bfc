"""Who a client is, by the kernel's word: the owner of the socket at the other end.

For a Unix socket that is SO_PEERCRED, for loopback TCP on Linux the socket diagnostics interface
(sock_diag(7)), asked for exactly one connection. Elsewhere only the address is known.
"""

import grp
import os
import pwd
import select
import socket
import struct
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address

from proxy.config import Allow

_PEERCRED = struct.Struct("3i")
_NETLINK_SOCK_DIAG = 4
_SOCK_DIAG_BY_FAMILY = 20
_NLM_F_REQUEST = 1
_HEADER = struct.Struct("=IHHII")
_REQUEST = struct.Struct("=BBBxI")
_NO_COOKIE = b"\xff" * 8
_OWNER = struct.Struct("=II")  # user id and inode
_OWNER_AT = _HEADER.size + 4 + 48 + 12  # inet_diag_msg: four bytes, the socket's id, three counters


@dataclass(frozen=True, slots=True)
class Identity:
    """What is known of a client. `uid` None: the kernel could not tell."""

    address: str
    uid: int | None = None
    pid: int | None = None

    @property
    def user(self) -> str | None:
        """The operating system's name of the user, or its number where it has no name."""
        return None if self.uid is None else _name_of(self.uid, _minute())

    def describe(self) -> Mapping[str, str | int | None]:
        return {"user": self.user, "uid": self.uid, "pid": self.pid, "address": self.address}

    def may_use(self, allow: Allow) -> bool:
        """Whether a role's `allow` lets this client in; an unknown user is in no list."""
        if not allow.users and not allow.groups:
            return True
        user = self.user
        return user is not None and (
            user in allow.users or not _groups_of(user, _minute()).isdisjoint(allow.groups)
        )


def identify(connection: socket.socket) -> Identity:
    """Ask the kernel who is at the other end of an accepted connection."""
    if connection.family == socket.AF_UNIX:
        return _unix_peer(connection)
    return _tcp_peer(connection.getpeername(), connection.getsockname())


def identify_listener(connection: socket.socket) -> Identity:
    """Ask the kernel who holds the listener that a connection of ours was made to: its own other
    end is nobody's until the listener's program takes it."""
    if connection.family == socket.AF_UNIX:
        return _unix_peer(connection)
    peer = connection.getpeername()
    unbound = type(ip_address(peer[0]))(0)
    return _tcp_peer(peer, (str(unbound), 0))


def _tcp_peer(peer: tuple[str, int], local: tuple[str, int]) -> Identity:
    address = ip_address(peer[0])
    if sys.platform == "linux" and address.is_loopback:
        return Identity(f"{address}:{peer[1]}", _loopback_owner(peer, local))
    return Identity(f"{address}:{peer[1]}")


def is_gone(connection: socket.socket) -> bool:
    """Whether the program at the other end has closed its socket, and not only ended its side of
    the connection. False where the kernel does not tell."""
    if connection.family == socket.AF_UNIX:
        poll = select.poll()
        poll.register(connection, 0)
        return bool(poll.poll(0))  # POLLHUP: both directions are shut
    try:
        peer, local = connection.getpeername(), connection.getsockname()
    except OSError:
        return True
    on_this_host = sys.platform == "linux" and ip_address(peer[0]).is_loopback
    return on_this_host and _loopback_owner(peer, local) is None


def _unix_peer(connection: socket.socket) -> Identity:
    if not hasattr(socket, "SO_PEERCRED"):
        return Identity("unix")
    raw = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _PEERCRED.size)
    pid, uid, _ = _PEERCRED.unpack(raw)
    return Identity("unix", uid, pid)


def _loopback_owner(peer: tuple[str, int], local: tuple[str, int]) -> int | None:
    """The user id that owns the socket bound to `peer` and connected to `local`."""
    source, target = ip_address(peer[0]), ip_address(local[0])
    family = socket.AF_INET if source.version == 4 else socket.AF_INET6
    request = (
        _REQUEST.pack(family, socket.IPPROTO_TCP, 0, 0xFFFFFFFF)
        + struct.pack("!HH", peer[1], local[1])
        + _padded(source)
        + _padded(target)
        + struct.pack("=I", 0)
        + _NO_COOKIE
    )
    size = _HEADER.size + len(request)
    header = _HEADER.pack(size, _SOCK_DIAG_BY_FAMILY, _NLM_F_REQUEST, 1, 0)
    try:
        with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, _NETLINK_SOCK_DIAG) as kernel:
            kernel.settimeout(1)
            kernel.send(header + request)
            answer = kernel.recv(4096)
    except OSError:
        return None
    whole = len(answer) >= _OWNER_AT + _OWNER.size
    if not whole or _HEADER.unpack_from(answer)[1] != _SOCK_DIAG_BY_FAMILY:
        return None
    uid: int
    uid, inode = _OWNER.unpack_from(answer, _OWNER_AT)
    return uid if inode else None  # of a socket that is closed already the kernel tells user 0


def _padded(address: IPv4Address | IPv6Address) -> bytes:
    return address.packed.ljust(16, b"\0")


def _minute() -> int:
    """Names are looked up once a minute, for a name service may be far away."""
    return int(time.monotonic() // 60)


@lru_cache(maxsize=1_000)
def _name_of(uid: int, _: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


@lru_cache(maxsize=1_000)
def _groups_of(user: str, _: int) -> frozenset[str]:
    try:
        entry = pwd.getpwnam(user)
    except KeyError:
        return frozenset()
    names = set()
    for gid in os.getgrouplist(user, entry.pw_gid):
        with suppress(KeyError):  # a group without a name
            names.add(grp.getgrgid(gid).gr_name)
    return frozenset(names)

"""Who a client is, by the kernel's word: the owner of the socket at the other end.

For a Unix socket that is SO_PEERCRED, for loopback TCP on Linux the socket diagnostics interface
(sock_diag(7)), asked for exactly one connection. Elsewhere only the address is known.
"""

import grp
import os
import pwd
import socket
import struct
import sys
from collections.abc import Mapping
from dataclasses import dataclass
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
        if self.uid is None:
            return None
        try:
            return pwd.getpwuid(self.uid).pw_name
        except KeyError:
            return str(self.uid)

    def describe(self) -> Mapping[str, str | int | None]:
        return {"user": self.user, "uid": self.uid, "pid": self.pid, "address": self.address}

    def may_use(self, allow: Allow) -> bool:
        """Whether a role's `allow` lets this client in; an unknown user is in no list."""
        if not allow.users and not allow.groups:
            return True
        user = self.user
        return user is not None and (
            user in allow.users or not set(allow.groups).isdisjoint(_groups(user))
        )


def identify(connection: socket.socket) -> Identity:
    """Ask the kernel who is at the other end of an accepted connection."""
    if connection.family == socket.AF_UNIX:
        return _unix_peer(connection)
    peer, local = connection.getpeername(), connection.getsockname()
    address = ip_address(peer[0])
    if sys.platform == "linux" and address.is_loopback:
        return Identity(f"{address}:{peer[1]}", _loopback_owner(peer, local))
    return Identity(f"{address}:{peer[1]}")


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


def _groups(user: str) -> set[str]:
    try:
        entry = pwd.getpwnam(user)
    except KeyError:
        return set()
    names = set()
    for gid in os.getgrouplist(user, entry.pw_gid):
        try:
            names.add(grp.getgrgid(gid).gr_name)
        except KeyError:
            continue
    return names

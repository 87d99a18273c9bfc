"""Where forwarded connections go and come from, as channel types and global requests say it.

Source: RFC 4254, sections 6.3.2 and 7, and OpenSSH's PROTOCOL, section 2.4.
"""

from dataclasses import dataclass, replace
from typing import Self

from protocols.ssh.encoding import Malformed, Reader, told

_LONGEST_HOST = 1024
_LONGEST_PATH = 4096


@dataclass(frozen=True, slots=True)
class Target:
    """`name` is HOST:PORT or unix:PATH, `origin` is who connects there."""

    name: str
    origin: str = ""
    port: int = 0

    def at(self, port: int) -> Self:
        """The same host, where it has this port."""
        return replace(self, name=f"{self.name.rpartition(':')[0]}:{port}", port=port)


def read_tcp(details: bytes) -> Target:
    """Of direct-tcpip and forwarded-tcpip."""
    reader = Reader(details)
    target, port = _host_and_port(reader)
    origin = _origin(reader)
    reader.end()
    return Target(target, origin, port)


def read_direct_socket(details: bytes) -> Target:
    """Of direct-streamlocal@openssh.com; the origin in it is reserved."""
    reader = Reader(details)
    target = _path(reader)
    reader.string(_LONGEST_HOST)
    reader.uint32()
    reader.end()
    return Target(target)


def read_forwarded_socket(details: bytes) -> Target:
    """Of forwarded-streamlocal@openssh.com; the string behind the path is reserved."""
    reader = Reader(details)
    target = _path(reader)
    reader.string(_LONGEST_HOST)
    reader.end()
    return Target(target)


def read_x11(details: bytes) -> Target:
    reader = Reader(details)
    origin = _origin(reader)
    reader.end()
    return Target("x11", origin)


def read_agent(details: bytes) -> Target:
    Reader(details).end()
    return Target("agent")


def read_tcp_listener(details: bytes) -> Target:
    """Of tcpip-forward and cancel-tcpip-forward."""
    reader = Reader(details)
    name, port = _host_and_port(reader)
    reader.end()
    return Target(name, port=port)


def read_socket_listener(details: bytes) -> Target:
    """Of streamlocal-forward@openssh.com and its cancel."""
    reader = Reader(details)
    name = _path(reader)
    reader.end()
    return Target(name)


def _host_and_port(reader: Reader) -> tuple[str, int]:
    host, port = told(reader.string(_LONGEST_HOST)), reader.uint32()
    # Resolvers end a name at what is no part of one, so that it could name another host.
    if " " in host or not host.isprintable():
        raise Malformed("it has a host name that is none")
    if port > 0xFFFF:
        raise Malformed(f"it has the port {port}")
    return _joined(host, port), port


def _origin(reader: Reader) -> str:
    """Whatever the other side's program calls it, for nothing is decided by it."""
    return _joined(told(reader.string(_LONGEST_HOST)), reader.uint32())


def _joined(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _path(reader: Reader) -> str:
    path = reader.string(_LONGEST_PATH)
    if b"\0" in path:
        raise Malformed("it has a path with a NUL byte in it")
    return f"unix:{told(path)}"

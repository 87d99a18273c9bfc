"""Many sessions of PostgreSQL that are in, have asked once, and then are silent.

They speak no more of the protocol than that needs, so that a client of ours can hold thousands.
"""

import socket
import ssl
import struct
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from bench.peers import Peer
from bench.recipes import ACCOUNT

_PATIENCE = 30.0
_TLS_PLEASE = struct.pack("!II", 8, 80877103)
_STARTUP = f"user\0{ACCOUNT}\0database\0{ACCOUNT}\0\0".encode()
_QUERY = b"SELECT 1\0"
_READY = b"Z\0\0\0\5I"  # the last message of an answer, outside of a transaction


@contextmanager
def idle(peer: Peer, count: int, *, tls: bool = False) -> Iterator[None]:
    """So many of them, while the context lasts."""
    with ExitStack() as stack:
        for _ in range(count):
            stack.enter_context(_session(peer, tls=tls))
        yield


def _session(peer: Peer, *, tls: bool) -> socket.socket:
    session = socket.create_connection((peer.host, peer.port), _PATIENCE)
    if tls:
        session.sendall(_TLS_PLEASE)
        assert session.recv(1) == b"S", "no TLS is to be had"
        session = _CONTEXT.wrap_socket(session)
    session.sendall(struct.pack("!II", 8 + len(_STARTUP), 3 << 16) + _STARTUP)
    _await_ready(session)
    session.sendall(b"Q" + struct.pack("!I", 4 + len(_QUERY)) + _QUERY)
    _await_ready(session)
    return session


def _await_ready(session: socket.socket) -> None:
    told = b""
    while not told.endswith(_READY):
        more = session.recv(65536)
        assert more, f"a session was ended: {told[-300:]!r}"
        told += more


def _trusting() -> ssl.SSLContext:
    """Whose certificate it is does not matter here."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


_CONTEXT = _trusting()

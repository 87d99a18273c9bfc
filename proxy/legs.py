"""The two ends of a relay, without waiting: a plain socket, or TLS over one.

Both have the same verbs. `receive` and `send` never block; what a kernel buffer does not take is
kept, and finished by `flush` when the socket can be written again.
"""

import socket
import ssl
from contextlib import suppress

from protocols.api import Chunk
from proxy.connection import Connection
from proxy.readiness import Readiness, Watcher
from proxy.syscalls import receive, send

_RECORDS = 65_536  # bytes: four of TLS's longest records


class Leg:
    """One of the two below. What moves bytes may raise OSError."""

    def __init__(self, sock: socket.socket, readiness: Readiness) -> None:
        self.socket = sock
        self._descriptor = sock.fileno()
        self._readiness = readiness

    def watch_reading(self, watcher: Watcher) -> None:
        """Have it told when there is something to `receive`."""
        self._readiness.watch_reading(self._descriptor, watcher)

    def watch_writing(self, watcher: Watcher) -> None:
        """Have it told when `flush` may get on."""
        self._readiness.watch_writing(self._descriptor, watcher)

    def leave_reading(self) -> None:
        self._readiness.leave_reading(self._descriptor)

    def leave_writing(self) -> None:
        self._readiness.leave_writing(self._descriptor)

    def pending(self) -> bool:
        """Whether bytes are here already, so that the socket may never become readable for them."""
        raise NotImplementedError

    def receive(self) -> bytes | None:
        """None where nothing has come yet, and no bytes at the end."""
        raise NotImplementedError

    def send(self, data: Chunk) -> bool:
        """Whether the kernel took all of it; if not, `flush` will finish it."""
        raise NotImplementedError

    def flush(self) -> bool:
        """Whether the kernel now has everything."""
        raise NotImplementedError

    def end(self) -> None:
        """Tell the peer that nothing more comes."""
        raise NotImplementedError


class PlainLeg(Leg):
    """A socket as it is."""

    def __init__(self, sock: socket.socket, readiness: Readiness) -> None:
        super().__init__(sock, readiness)
        self._backlog = b""

    def pending(self) -> bool:
        return False

    def receive(self) -> bytes | None:
        return receive(self._descriptor)

    def send(self, data: Chunk) -> bool:
        if self._backlog:
            self._backlog += data
            return False
        sent = send(self._descriptor, data)
        if sent == len(data):
            return True
        self._backlog = bytes(data[sent:])  # rare and short: a kernel buffer was full
        return False

    def flush(self) -> bool:
        data, self._backlog = self._backlog, b""
        return not data or self.send(data)

    def end(self) -> None:
        self.socket.shutdown(socket.SHUT_WR)


class TlsLeg(Leg):
    """TLS through memory; asking for pending bytes is cheaper than to catch WantRead."""

    def __init__(self, connection: Connection, tls: ssl.SSLObject, readiness: Readiness) -> None:
        super().__init__(connection.socket, readiness)
        self._tls = tls
        self._incoming = connection.incoming
        self._outgoing = connection.outgoing
        self._wire = PlainLeg(connection.socket, readiness)

    def pending(self) -> bool:
        return bool(self._incoming.pending or self._tls.pending())

    def receive(self) -> bytes | None:
        if not self.pending():
            received = self._wire.receive()
            if received is None:
                return None
            if received:
                self._incoming.write(received)
            else:
                self._incoming.write_eof()
        try:
            return self._tls.read(_RECORDS)
        except ssl.SSLWantReadError:
            return None
        except (ssl.SSLZeroReturnError, ssl.SSLEOFError):
            return b""
        finally:
            if self._outgoing.pending:  # TLS's own answer, such as a key update
                self.flush()

    def send(self, data: Chunk) -> bool:
        self._tls.write(data)
        return self.flush()

    def flush(self) -> bool:
        while self._wire.flush():
            if not self._outgoing.pending:
                return True
            if not self._wire.send(self._outgoing.read()):
                return False
        return False

    def end(self) -> None:
        if not self.pending():  # else OpenSSL throws away what was not read yet
            with suppress(ssl.SSLError):  # close_notify is written; the peer's comes when it may
                self._tls.unwrap()
        if self.flush():
            self._wire.end()


def leg(connection: Connection, readiness: Readiness) -> Leg:
    """The relay's end of a connection whose handshake is over."""
    if connection.tls is None:
        return PlainLeg(connection.socket, readiness)
    return TlsLeg(connection, connection.tls, readiness)

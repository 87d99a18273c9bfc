"""The two ends of a relay, without waiting: a plain socket, or TLS over one.

Both have the same five verbs. `receive` and `send` never block; what a kernel buffer does not take
is kept, and finished by `flush` when the socket can be written again.
"""

import socket
import ssl
from contextlib import suppress

from proxy.connection import Connection

CIPHERTEXT = memoryview(bytearray(65_536))  # one loop, one thread: no two legs read at once


class PlainLeg:
    """A socket as it is."""

    pending = False  # nothing is ever held back between two reads

    def __init__(self, sock: socket.socket) -> None:
        self.socket = sock
        self._backlog = b""

    def receive(self, buffer: memoryview) -> int:
        """Bytes read, 0 at the end. Raises BlockingIOError where there are none yet."""
        return self.socket.recv_into(buffer)

    def send(self, data: memoryview | bytes) -> bool:
        """Whether the kernel took all of it; if not, `flush` will finish it."""
        if self._backlog:
            self._backlog += data
            return False
        try:
            sent = self.socket.send(data)
        except BlockingIOError:
            sent = 0
        if sent == len(data):
            return True
        self._backlog = bytes(data[sent:])  # rare and short: a kernel buffer was full
        return False

    def flush(self) -> bool:
        """Whether the kernel now has everything."""
        data, self._backlog = self._backlog, b""
        return not data or self.send(data)

    def end(self) -> None:
        """Tell the peer that nothing more comes."""
        self.socket.shutdown(socket.SHUT_WR)


class TlsLeg:
    """TLS through memory; asking for pending bytes is cheaper than to catch WantRead."""

    def __init__(self, connection: Connection, tls: ssl.SSLObject) -> None:
        self.socket = connection.socket
        self._tls = tls
        self._incoming = connection.incoming
        self._outgoing = connection.outgoing
        self._wire = PlainLeg(connection.socket)

    @property
    def pending(self) -> bool:
        """Whether bytes are here already, so that the socket may never become readable for them."""
        return bool(self._incoming.pending or self._tls.pending())

    def receive(self, buffer: memoryview) -> int:
        if not self.pending:
            size = self._wire.receive(CIPHERTEXT)
            if size:
                self._incoming.write(CIPHERTEXT[:size])
            else:
                self._incoming.write_eof()
        try:
            # typeshed knows only the form that returns bytes
            return self._tls.read(len(buffer), buffer)  # type: ignore[return-value]
        except ssl.SSLWantReadError:
            raise BlockingIOError from None
        except (ssl.SSLZeroReturnError, ssl.SSLEOFError):
            return 0
        finally:
            if self._outgoing.pending:  # TLS's own answer, such as a key update
                self.flush()

    def send(self, data: memoryview | bytes) -> bool:
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
        if not self.pending:  # else OpenSSL throws away what was not read yet
            with suppress(ssl.SSLError):  # close_notify is written; the peer's comes when it may
                self._tls.unwrap()
        if self.flush():
            self._wire.end()


Leg = PlainLeg | TlsLeg


def leg(connection: Connection) -> Leg:
    """The relay's end of a connection whose handshake is over."""
    if connection.tls is None:
        return PlainLeg(connection.socket)
    return TlsLeg(connection, connection.tls)

"""One side's connection: a raw non-blocking socket and, once started, TLS between it and us.

The handshake awaits its bytes here; the relay then takes the same socket and TLS object over. Bytes
pass through `ssl.MemoryBIO`, so that nothing read too early is lost and nothing sent in the clear
slips in after TLS has begun: both happen with asyncio's own `start_tls`.
"""

import asyncio
import socket
import ssl
from contextlib import suppress

_CHUNK = 65_536


class Connection:
    """A connected socket, ours to close. `own_tls` is what a client that wants TLS is shown."""

    def __init__(self, sock: socket.socket, own_tls: ssl.SSLContext | None = None) -> None:
        self.socket = sock
        self.own_tls = own_tls
        self.tls: ssl.SSLObject | None = None
        self.heard = False  # whether the peer has sent anything
        self.incoming: ssl.MemoryBIO  # ciphertext from the peer; there is none without TLS
        self.outgoing: ssl.MemoryBIO  # ciphertext for the peer

    @property
    def pending(self) -> bool:
        """Whether something was read already that nobody has received."""
        return self.tls is not None and bool(self.incoming.pending or self.tls.pending())

    async def receive(self) -> bytes:
        """At least one byte; none at the end."""
        if self.tls is None:
            return await self._read()
        while True:
            try:
                return self.tls.read(_CHUNK)
            except ssl.SSLWantReadError:
                await self._exchange()
            except (ssl.SSLZeroReturnError, ssl.SSLEOFError):
                return b""

    async def send(self, data: bytes) -> None:
        if self.tls is not None:
            self.tls.write(data)
            data = self.outgoing.read()
        await asyncio.get_running_loop().sock_sendall(self.socket, data)

    async def start_tls(
        self, context: ssl.SSLContext, *, server_name: str | None, received: bytes
    ) -> ssl.SSLObject:
        """As the client if `server_name` is given, else as the server. Raises ssl.SSLError."""
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.incoming.write(received)
        tls = context.wrap_bio(
            self.incoming,
            self.outgoing,
            server_side=server_name is None,
            server_hostname=server_name,
        )
        while True:
            try:
                tls.do_handshake()
            except ssl.SSLWantReadError:
                await self._exchange()
            except ssl.SSLError:
                await self._flush()  # the alert that tells the peer why
                raise
            else:
                break
        await self._flush()
        self.tls = tls
        return tls

    def close(self, farewell: bytes = b"") -> None:
        """With a farewell, and over TLS with TLS's own, as far as that goes without waiting: libpq
        takes a cancel request that ends without one for failed."""
        if self.tls is not None:
            with suppress(OSError):  # the peer's own goodbye is not waited for
                if farewell:
                    self.tls.write(farewell)
                self.tls.unwrap()
            farewell = self.outgoing.read()
        if farewell:
            with suppress(OSError):
                self.socket.send(farewell)
        with suppress(OSError):
            self.socket.close()

    async def _exchange(self) -> None:
        """Send what TLS wants sent, then feed it what the peer sends."""
        await self._flush()
        if data := await self._read():
            self.incoming.write(data)
        else:
            self.incoming.write_eof()

    async def _read(self) -> bytes:
        data = await asyncio.get_running_loop().sock_recv(self.socket, _CHUNK)
        self.heard = self.heard or bool(data)
        return data

    async def _flush(self) -> None:
        if data := self.outgoing.read():
            await asyncio.get_running_loop().sock_sendall(self.socket, data)

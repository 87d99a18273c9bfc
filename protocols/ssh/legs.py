"""asyncssh's two kinds of connection, bent to hand packets on instead of acting on them.

asyncssh has no public way to do that, so this and what it is made of, `packets`, `answering` and
`gcm`, are the files that reach into its insides: a test names all that they rely on, and fails on a
version that differs. Key exchange and login stay asyncssh's own; the connection protocol's packets,
80 to 127, are shown to nobody in it.
"""

import asyncio
from typing import Any, cast

from asyncssh import (
    SSHClient,
    SSHClientConnectionOptions,
    SSHServer,
    SSHServerConnectionOptions,
)
from asyncssh.connection import SSHClientConnection

from protocols.ssh.answering import Answering
from protocols.ssh.packets import Packets

_MOST_DEFERRED = 64  # packets that wait for a key exchange to end
_GOODBYE_SECONDS = 1.0  # for a peer to take its last bytes and close


class _AnyChannel:
    """What asyncssh takes for its table of channels. All are the connection's own business."""

    def __init__(self, leg: "Leg") -> None:
        self._leg = leg

    def __getitem__(self, number: int) -> "Leg":
        return self._leg

    def values(self) -> tuple[()]:
        return ()


class Leg(Packets):
    """One side's connection. `other` is the leg that its packets are bound for."""

    other: "Leg | None"

    def set_up(self, owner: SSHClient | SSHServer) -> None:
        self._protocol_factory = cast(Any, lambda: owner)
        self._channels = cast(Any, _AnyChannel(self))
        self.closed = asyncio.Event()
        self._holds: set[str] = set()
        self._closing: asyncio.Transport | None = None
        self.set_up_packets()

    # -- backpressure ---------------------------------------------------------------------------

    def relay(self, packet: bytes) -> None:
        super().relay(packet)
        if len(self._deferred_packets) > _MOST_DEFERRED:
            self._hold_other("keys")

    def pause_writing(self) -> None:
        self._hold_other("buffer")

    def resume_writing(self) -> None:
        self._release_other("buffer")

    def _send_deferred_packets(self) -> None:
        super()._send_deferred_packets()
        self._release_other("keys")

    def _hold_other(self, reason: str) -> None:
        if self.other is not None:
            self.other.hold(reason)

    def _release_other(self, reason: str) -> None:
        if self.other is not None:
            self.other.release(reason)

    def hold(self, reason: str) -> None:
        """Read no more from this side as long as any reason holds."""
        if not self._holds and self._transport is not None and not self._transport.is_closing():
            self._transport.pause_reading()
        self._holds.add(reason)

    def release(self, reason: str) -> None:
        if reason not in self._holds:
            return
        self._holds.remove(reason)
        if not self._holds and self._transport is not None and not self._transport.is_closing():
            self._transport.resume_reading()

    # -- the end --------------------------------------------------------------------------------

    def eof_received(self) -> None:
        super().connection_lost(None)

    def connection_lost(self, exc: Exception | None = None) -> None:
        super().connection_lost(exc)
        self.closed.set()

    def _force_close(self, exc: Exception | None) -> None:
        """Let what was sent get there: a socket that is closed on unread bytes loses it."""
        transport = self._transport
        if transport is None:
            return
        self.flush()
        self._transport = None
        self._loop.call_soon(self._cleanup, exc)
        if transport.is_closing():
            return
        self._closing = transport
        transport.write_eof()
        if self._holds:
            transport.resume_reading()
        self._loop.call_later(_GOODBYE_SECONDS, transport.abort)

    def cut(self) -> None:
        """End it without waiting for anything."""
        transport = self._transport or self._closing
        self._force_close(None)
        if transport is not None:
            transport.abort()


class ClientLeg(Leg, Answering):
    """The client's connection: we are its server."""

    def __init__(self, options: SSHServerConnectionOptions, owner: SSHServer) -> None:
        super().__init__(asyncio.get_running_loop(), options)
        self.set_up(owner)

    async def reload_config(self) -> None:
        """There is none: asyncssh would go through its options again in a thread."""


class UpstreamLeg(Leg, SSHClientConnection):
    """The connection to upstream: we are its client."""

    def __init__(self, options: SSHClientConnectionOptions, owner: SSHClient) -> None:
        super().__init__(asyncio.get_running_loop(), options)
        self.set_up(owner)

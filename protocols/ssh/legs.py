"""asyncssh's two kinds of connection, bent to hand packets on instead of acting on them.

asyncssh has no public way to do that, so this and `gcm` are the files that reach into its insides:
a test names all that they rely on, and fails on a version that differs. Key exchange and login stay
asyncssh's own; the connection protocol's packets, 80 to 127, are shown to nobody in it.
"""

import asyncio
from collections.abc import Callable
from typing import Any, cast

from asyncssh import (
    SSHClient,
    SSHClientConnectionOptions,
    SSHServer,
    SSHServerConnectionOptions,
)
from asyncssh.connection import SSHClientConnection, SSHConnection, SSHServerConnection
from asyncssh.constants import MSG_KEXINIT
from asyncssh.packet import SSHPacket

from protocols.ssh.gcm import AROUND, LENGTH, SHORTEST_PADDING, Gcm, body_size
from protocols.ssh.wire import LARGEST, Incoming, Outgoing

_FIRST, _LAST = 80, 127
_MOST_DEFERRED = 64  # packets that wait for a key exchange to end
_COOKIE = 16  # bytes at the start of an offer
_OFFER_SECONDS = 0.1  # for a client to make its own; a few wait for ours
_GOODBYE_SECONDS = 1.0  # for a peer to take its last bytes and close


class _AnyChannel:
    """What asyncssh takes for its table of channels. All are the connection's own business."""

    def __init__(self, leg: "Leg") -> None:
        self._leg = leg

    def __getitem__(self, number: int) -> "Leg":
        return self._leg

    def values(self) -> tuple[()]:
        return ()


class Leg(SSHConnection):
    """One side's connection. `passed` is given each packet that is not about the connection itself,
    as it came, and `other` is the leg that it is bound for."""

    passed: Callable[[bytes], None]
    other: "Leg | None"
    received: int

    def set_up(self, owner: SSHClient | SSHServer) -> None:
        self._protocol_factory = cast(Any, lambda: owner)
        self._channels = cast(Any, _AnyChannel(self))
        self._max_recv_pktlen = LARGEST
        self.passed = lambda packet: None
        self.other = None
        self.received = 0
        self.closed = asyncio.Event()
        self._holds: set[str] = set()
        self._closing: asyncio.Transport | None = None
        self._outgoing = Outgoing()
        self.protocol = Incoming(self)

    # -- what comes -----------------------------------------------------------------------------

    def remainder(self) -> bytes | None:
        return self._inpbuf if self._may_take else None

    def take(self, received: memoryview) -> None:
        if self._transport is None:  # it has been told goodbye
            return
        if self._may_take:
            self._inpbuf = cast(Any, received)
        else:
            self._inpbuf += received
        self._recv_data()

    @property
    def _may_take(self) -> bool:
        """Whether packets may be taken as they come: one begins here, and nothing is changing."""
        return (
            self._auth_complete
            and self._recv_handler == self._recv_pkthdr
            and type(self._recv_encryption) is Gcm
            and self._decompressor is None
        )

    def _recv_data(self) -> None:
        super()._recv_data()
        if isinstance(self._inpbuf, memoryview):
            self._inpbuf = bytes(self._inpbuf)
        if self.other is not None:
            self.other.flush()
        self.flush()

    def _recv_pkthdr(self) -> bool:
        """Where a packet begins: take as many as are the relay's."""
        return (not self._may_take or self._take_packets()) and super()._recv_pkthdr()

    def _take_packets(self) -> bool:
        """Hand on what is whole and the relay's. Whether asyncssh is to look at what follows: it
        refuses what is no packet, too."""
        received = memoryview(self._inpbuf)
        cipher = cast(Gcm, self._recv_encryption)
        theirs = False
        while len(received) >= LENGTH and self._transport is not None:
            size = int.from_bytes(received[:LENGTH], "big")
            theirs = size > LARGEST
            if theirs or len(received) < size + AROUND:
                break
            packet = cipher.open(received[: size + AROUND])
            theirs = packet is None or not _FIRST <= packet[0] <= _LAST
            if packet is None or theirs:
                break
            cipher.advance()
            received = received[size + AROUND :]
            self._recv_seq = (self._recv_seq + 1) & 0xFFFFFFFF
            self._auth_final = True
            self._hand_on(packet)
        self._inpbuf = cast(Any, received)
        return theirs

    def _hand_on(self, packet: bytes) -> None:
        self.received += len(packet)
        self.passed(packet)

    def process_packet(self, pkttype: int, pktid: int, packet: SSHPacket) -> Any:
        if not _FIRST <= pkttype <= _LAST:
            return super().process_packet(pkttype, pktid, packet)
        self._hand_on(packet.get_full_payload())
        return True

    # -- what goes ------------------------------------------------------------------------------

    def relay(self, packet: bytes) -> None:
        """Send a packet as it is, with the next `flush`: as `send_packet` does, but for an empty
        one before each and a log of it."""
        if not self._may_send_at_once():
            self.send_packet(packet[0], packet[1:])
            if len(self._deferred_packets) > _MOST_DEFERRED:
                self._hold_other("keys")
            return
        cipher = self._send_encryption
        length = body_size(len(packet))
        if type(cipher) is Gcm and length <= LARGEST:
            if not self._outgoing.has_room(length + AROUND):
                self.flush()
            cipher.seal(packet, self._outgoing.room(length + AROUND))
        else:
            length = self._send_encrypted(packet)
        self._send_seq = (self._send_seq + 1) & 0xFFFFFFFF
        self._rekey_bytes_sent += length

    def _send_encrypted(self, packet: bytes) -> int:
        """With any cipher. Answers how long the packet's body is."""
        padding = -(self._send_enchdrlen + len(packet)) % self._send_blocksize
        if padding < SHORTEST_PADDING:
            padding += self._send_blocksize
        length = 1 + len(packet) + padding
        body = b"%c%b%b" % (padding, packet, bytes(padding))  # encrypted, so it may be known
        assert self._send_encryption is not None
        sealed = self._send_encryption.encrypt_packet(
            self._send_seq, length.to_bytes(4, "big"), body
        )
        self._send(b"".join(sealed))
        return length

    def flush(self) -> None:
        self._outgoing.write(self._transport)

    def _send(self, data: bytes) -> None:
        self.flush()  # in the order in which they were encrypted
        super()._send(data)

    def _may_send_at_once(self) -> bool:
        return bool(
            self._auth_complete
            and self._kex_complete
            and self._compressor is None
            and self._rekey_bytes_sent < self._rekey_bytes
            and self._loop.time() < self._rekey_time
        )

    def log_sent_packet(self, *_: object, **__: object) -> None:
        """No: a packet may hold a credential."""

    log_received_packet = log_sent_packet

    # -- backpressure ---------------------------------------------------------------------------

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


class ClientLeg(Leg, SSHServerConnection):
    """The client's connection: we are its server."""

    def __init__(self, options: SSHServerConnectionOptions, owner: SSHServer) -> None:
        super().__init__(asyncio.get_running_loop(), options)
        self.set_up(owner)

        self._offering: asyncio.TimerHandle | None = None

    def _send_kexinit(self) -> None:
        """The client's order of ciphers would decide, and not ours, whose first costs the least. So
        the first offer waits for the client's; nearly all send theirs without waiting for ours."""
        if self._client_kexinit:
            super()._send_kexinit()
        else:
            self._offering = self._loop.call_later(_OFFER_SECONDS, self._offer_all)

    def _offer_all(self) -> None:
        self._offering = None
        super()._send_kexinit()

    def process_packet(self, pkttype: int, pktid: int, packet: SSHPacket) -> Any:
        if pkttype == MSG_KEXINIT and self._offering is not None:
            self._answer(SSHPacket(packet.get_remaining_payload()))
        return super().process_packet(pkttype, pktid, packet)

    def _answer(self, offer: SSHPacket) -> None:
        """Offer nothing but the best cipher that the client has."""
        assert self._offering is not None
        self._offering.cancel()
        self._offering = None
        self._kexinit_sent = False
        offer.get_bytes(_COOKIE)
        offer.get_namelist()  # key exchanges
        offer.get_namelist()  # host keys
        theirs = set(offer.get_namelist()) & set(offer.get_namelist())
        self._enc_algs = [ours for ours in self._enc_algs if ours in theirs][:1] or self._enc_algs

    async def reload_config(self) -> None:
        """There is none: asyncssh would go through its options again in a thread."""


class UpstreamLeg(Leg, SSHClientConnection):
    """The connection to upstream: we are its client."""

    def __init__(self, options: SSHClientConnectionOptions, owner: SSHClient) -> None:
        super().__init__(asyncio.get_running_loop(), options)
        self.set_up(owner)

"""The packets of one connection that are the relay's, taken and sent past asyncssh, many at a time.

asyncssh takes a packet at a time, and copies all that came behind it twice for each; and it sends
an empty one before each, against attacks on ciphers that we have not, and writes both by
themselves. What is here does neither, wherever nothing but packets is under way: the login is over,
no keys are being changed, and the cipher is AES-GCM, or for sending any other. All else is
asyncssh's.
"""

from collections.abc import Callable
from typing import Any, cast

from asyncssh.connection import SSHConnection
from asyncssh.packet import SSHPacket

from protocols.ssh.gcm import AROUND, LENGTH, SHORTEST_PADDING, Gcm, body_size
from protocols.ssh.wire import LARGEST, Incoming, Outgoing

FIRST, LAST = 80, 127
"""Types of packets: the connection protocol's, which are the relay's."""


class Packets(SSHConnection):
    """`passed` is given each packet that is not about the connection itself, as it came, and what
    that relays to `other` is sent when all that was read at once has been seen. `protocol` is what
    a transport is given."""

    passed: Callable[[bytes], None]
    other: "Packets | None"
    received: int

    def set_up_packets(self) -> None:
        self._max_recv_pktlen = LARGEST
        self._outgoing = Outgoing()
        self.protocol = Incoming(self)
        self.passed = lambda packet: None
        self.other = None
        self.received = 0

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
            theirs = packet is None or not FIRST <= packet[0] <= LAST
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
        if not FIRST <= pkttype <= LAST:
            return super().process_packet(pkttype, pktid, packet)
        self._hand_on(packet.get_full_payload())
        return True

    # -- what goes ------------------------------------------------------------------------------

    def relay(self, packet: bytes) -> None:
        """Send a packet as it is, with the next `flush`: as `send_packet` does, but for an empty
        one before each and a log of it."""
        if not self._may_send_at_once():
            self.send_packet(packet[0], packet[1:])
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

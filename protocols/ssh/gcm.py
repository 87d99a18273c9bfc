"""AES-GCM: as asyncssh has its ciphers, and in place, as the relay takes and sends packets.

asyncssh's own sets its key up anew for each packet, and copies that four times. Source: RFC 5647,
and OpenSSH's PROTOCOL, section 1.6.
"""

from typing import Any, Self

from asyncssh import encryption
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from protocols.ssh.wire import LARGEST

LENGTH = 4
TAG = 16
BLOCK = 16
AROUND = LENGTH + TAG
"""Bytes of a packet that are not its body."""
SHORTEST_PADDING = 4
_NO_PADDING = bytes(BLOCK + SHORTEST_PADDING)  # encrypted, so it may be known
_OPENED = memoryview(bytearray(LARGEST))  # one packet's body at a time
_BODY = memoryview(bytearray(LARGEST + BLOCK + SHORTEST_PADDING))


class Gcm(encryption.Encryption):
    """One direction's, from one key exchange to the next.

    The nonce is counted here and nowhere else, whichever way a packet goes, so that no two are ever
    encrypted with the same.
    """

    def __init__(self, key: bytes, iv: bytes) -> None:
        self._cipher = AESGCM(key)
        self._fixed = iv[:4]
        self._count = int.from_bytes(iv[4:], "big")
        self._nonce = iv

    # -- as asyncssh wants it -------------------------------------------------------------------

    @classmethod
    def new(cls, cipher_name: str, key: bytes, iv: bytes, *_: Any, **__: Any) -> Self:
        """What else there is belongs to a MAC, which it has not."""
        return cls(key, iv)

    @classmethod
    def needs_mac(cls) -> bool:
        return False

    @classmethod
    def get_mac_params(cls, mac_alg: bytes) -> tuple[int, int, bool]:
        return 0, TAG, True

    def encrypt_packet(self, seq: int, header: bytes, packet: bytes) -> tuple[bytes, bytes]:
        sealed = self._cipher.encrypt(self._nonce, packet, header)
        self.advance()
        return header + sealed[:-TAG], sealed[-TAG:]

    def decrypt_header(self, seq: int, first_block: bytes, header_len: int) -> tuple[bytes, bytes]:
        return first_block, first_block[:header_len]

    def decrypt_packet(
        self, seq: int, first: bytes, rest: bytes, header_len: int, mac: bytes
    ) -> bytes | None:
        sealed = b"".join((first[header_len:], rest, mac))
        try:
            body: bytes = self._cipher.decrypt(self._nonce, sealed, first[:header_len])
        except InvalidTag:
            return None
        self.advance()
        return body

    # -- in place -------------------------------------------------------------------------------

    def open(self, packet: memoryview) -> bytes | None:
        """What a whole packet bears, without its padding; None where it was not made with this key
        and for this place, or bears nothing. It stays the next one until `advance`."""
        body = _OPENED[: len(packet) - AROUND]
        try:
            self._cipher.decrypt_into(self._nonce, packet[LENGTH:], packet[:LENGTH], body)
        except InvalidTag:
            return None
        return bytes(body[1 : -body[0]]) or None if body else None

    def seal(self, packet: bytes, out: memoryview) -> None:
        """Encrypt a packet, of which `body_size` tells how long that is, with AROUND around it."""
        size, length = len(packet), len(out) - AROUND
        padding = length - size - 1
        _BODY[0] = padding
        _BODY[1 : 1 + size] = packet
        _BODY[1 + size : length] = _NO_PADDING[:padding]
        out[:LENGTH] = length.to_bytes(LENGTH, "big")
        self._cipher.encrypt_into(self._nonce, _BODY[:length], out[:LENGTH], out[LENGTH:])
        self.advance()

    def advance(self) -> None:
        self._count = (self._count + 1) & 0xFFFFFFFFFFFFFFFF
        self._nonce = self._fixed + self._count.to_bytes(8, "big")


def body_size(size: int) -> int:
    """Of what bears so many bytes: with their padding, and its length."""
    shortest = 1 + size + SHORTEST_PADDING
    return shortest + -shortest % BLOCK


for _bits in (128, 256):
    encryption.register_encryption_alg(
        b"aes%d-gcm@openssh.com" % _bits, Gcm, f"aes{_bits}-gcm", False
    )

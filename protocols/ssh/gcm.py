"""AES-GCM as asyncssh wants it of a cipher, and for packets in place, which is how the relay has it.

asyncssh's own sets a key up anew for each packet, and copies that packet four times. Source: RFC
5647, with the length in the clear and authenticated, as in OpenSSH's PROTOCOL.
"""

from typing import Self

from asyncssh import encryption
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

LENGTH = 4
TAG = 16
BLOCK = 16


class Gcm(encryption.Encryption):
    """One direction's, from one key exchange to the next.

    The nonce is counted here and nowhere else, whoever sends a packet or takes it, so that no two
    are ever encrypted under the same.
    """

    def __init__(self, key: bytes, iv: bytes) -> None:
        self._cipher = AESGCM(key)
        self._fixed = iv[:4]
        self._count = int.from_bytes(iv[4:], "big")
        self._nonce = iv

    # -- as asyncssh wants it -------------------------------------------------------------------

    @classmethod
    def new(
        cls,
        cipher_name: str,
        key: bytes,
        iv: bytes,
        mac_alg: bytes = b"",
        mac_key: bytes = b"",
        etm: bool = False,
    ) -> Self:
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

    def seal(self, body: memoryview, packet: memoryview) -> None:
        """Make a packet, of its length, the body encrypted, and the tag."""
        packet[:LENGTH] = len(body).to_bytes(LENGTH, "big")
        self._cipher.encrypt_into(self._nonce, body, packet[:LENGTH], packet[LENGTH:])
        self.advance()

    def open(self, packet: memoryview, body: memoryview) -> bool:
        """Verify a packet, and decrypt its body. It stays the next one until `advance`."""
        try:
            self._cipher.decrypt_into(self._nonce, packet[LENGTH:], packet[:LENGTH], body)
        except InvalidTag:
            return False
        return True

    def advance(self) -> None:
        self._count = (self._count + 1) & 0xFFFFFFFFFFFFFFFF
        self._nonce = self._fixed + self._count.to_bytes(8, "big")


for _bits in (128, 256):
    encryption.register_encryption_alg(
        b"aes%d-gcm@openssh.com" % _bits, Gcm, f"aes{_bits}-gcm", False
    )

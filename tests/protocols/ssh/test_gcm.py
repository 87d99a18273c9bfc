"""AES-GCM in place: the same bytes as asyncssh's, no nonce twice, and nothing that was changed."""

import os
from typing import Any

import pytest
from asyncssh.crypto import GCMCipher
from asyncssh.encryption import GCMEncryption, get_encryption

from protocols.ssh.gcm import AROUND, LENGTH, Gcm, body_size

_KEY, _IV = bytes(range(16)), bytes(range(12))
_SIZES = [*range(1, 40), 1000, 32_777, 200_000]


def _sealed(cipher: Gcm, packet: bytes) -> bytes:
    out = memoryview(bytearray(body_size(len(packet)) + AROUND))
    cipher.seal(packet, out)
    return bytes(out)


def _theirs() -> GCMEncryption:
    return GCMEncryption(GCMCipher("aes128-gcm", _KEY, _IV))


def _opened(cipher: Gcm | GCMEncryption, packet: bytes) -> bytes | None:
    """As asyncssh does it, whose own it may be."""
    first, rest, tag = packet[:16], packet[16:-16], packet[-16:]
    return cipher.decrypt_packet(0, first, rest, LENGTH, tag)


def test_asyncssh_makes_it() -> None:
    for name, size in ((b"aes128-gcm@openssh.com", 16), (b"aes256-gcm@openssh.com", 32)):
        assert isinstance(get_encryption(name, bytes(size), bytes(12)), Gcm)


def test_asyncssh_opens_what_is_sealed() -> None:
    ours, theirs = Gcm(_KEY, _IV), _theirs()
    for size in _SIZES:
        packet = os.urandom(size)
        body = _opened(theirs, _sealed(ours, packet))
        assert body is not None
        assert body[1 : -body[0]] == packet
        assert len(body) % 16 == 0
        assert 4 <= body[0] < 20
        assert body[-body[0] :] == bytes(body[0])


def test_what_asyncssh_seals_is_opened() -> None:
    ours, theirs = Gcm(_KEY, _IV), _theirs()
    for size in _SIZES:
        packet, padding = os.urandom(size), 4 + -(size + 5) % 16
        body = bytes((padding,)) + packet + os.urandom(padding)
        header = len(body).to_bytes(4, "big")
        assert ours.open(memoryview(b"".join(theirs.encrypt_packet(0, header, body)))) == packet
        ours.advance()


class _Nonces:
    """A cipher that remembers what it was given."""

    def __init__(self, cipher: Any) -> None:
        self._cipher = cipher
        self.used: list[bytes] = []

    def encrypt(self, nonce: bytes, *arguments: Any) -> bytes:
        self.used.append(nonce)
        sealed: bytes = self._cipher.encrypt(nonce, *arguments)
        return sealed

    def encrypt_into(self, nonce: bytes, *arguments: Any) -> int:
        self.used.append(nonce)
        size: int = self._cipher.encrypt_into(nonce, *arguments)
        return size


def test_no_nonce_is_used_twice_whichever_way_packets_go() -> None:
    cipher = Gcm(_KEY, _IV[:4] + b"\xff" * 7 + b"\xf0")  # its counter is about to begin anew
    nonces = _Nonces(cipher._cipher)
    cipher._cipher = nonces  # type: ignore[assignment]
    for number in range(100):
        if number % 3:
            _sealed(cipher, b"relayed")
        else:
            cipher.encrypt_packet(number, b"\0\0\0\x10", bytes(16))
    first = 0xFFFFFFFFFFFFFFF0
    counted = [(first + number) % (1 << 64) for number in range(100)]
    assert nonces.used == [_IV[:4] + count.to_bytes(8, "big") for count in counted]


def test_a_packet_that_was_changed_anywhere_is_none() -> None:
    packet = _sealed(Gcm(_KEY, _IV), b"what was sent")
    cipher = Gcm(_KEY, _IV)
    for position in range(len(packet)):
        for bit in range(8):
            changed = bytearray(packet)
            changed[position] ^= 1 << bit
            assert cipher.open(memoryview(changed)) is None
            assert _opened(cipher, bytes(changed)) is None
    assert cipher.open(memoryview(packet)) == b"what was sent"


def test_a_packet_has_its_place() -> None:
    sealing, opening = Gcm(_KEY, _IV), Gcm(_KEY, _IV)
    first, second = _sealed(sealing, b"first"), _sealed(sealing, b"second")
    assert opening.open(memoryview(second)) is None
    assert opening.open(memoryview(first)) == b"first"
    opening.advance()
    assert opening.open(memoryview(first)) is None
    assert opening.open(memoryview(second)) == b"second"


@pytest.mark.parametrize("body", [b"", b"\0", b"\4" + bytes(4), b"\xff" + bytes(15), b"\0" * 16])
def test_a_packet_that_bears_nothing_is_none(body: bytes) -> None:
    header = len(body).to_bytes(4, "big")
    packet = b"".join(_theirs().encrypt_packet(0, header, body))
    assert Gcm(_KEY, _IV).open(memoryview(packet)) is None

"""How what two sides of SSH say is packets, decrypted, and SFTP messages: both with their lengths
before them."""

from dataclasses import dataclass

from protocols.api import Side
from protocols.ssh.encoding import string, uint32
from tests.fuzz.conversation import Framing, cut

_LENGTH = 4


@dataclass(frozen=True, slots=True)
class Strings:
    """A length, and as many bytes."""

    header: int = _LENGTH

    def split(self, data: bytes) -> list[bytes]:
        def end_of(position: int) -> int:
            body = position + _LENGTH
            return body + int.from_bytes(data[position:body], "big")

        return cut(data, _LENGTH, end_of)

    def fit(self, message: bytes) -> bytes:
        return self.claim(message, len(message))

    def claim(self, message: bytes, length: int) -> bytes:
        """The length of all of it, from which the header's is told."""
        if len(message) < _LENGTH:
            return message
        return uint32(min(max(0, length - _LENGTH), 0xFFFFFFFF)) + message[_LENGTH:]

    def is_whole(self, message: bytes) -> bool:
        return len(message) >= _LENGTH and message == string(message[_LENGTH:])


PACKETS = Strings()
SESSION: dict[Side, Framing] = dict.fromkeys(Side, PACKETS)


def whole(data: bytes) -> list[bytes]:
    """What is in the strings that are whole."""
    return [piece[_LENGTH:] for piece in PACKETS.split(data) if PACKETS.is_whole(piece)]


def framed(*packets: bytes) -> bytes:
    return b"".join(map(string, packets))

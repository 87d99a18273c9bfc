"""What every packet of MySQL's protocol is made of: the frame around it, and the types inside.

Source: MySQL Internals, "Protocol Basics". What a packet says is in `protocols.mysql.messages` and
the rooms beside it.
"""

from struct import Struct

HEADER_SIZE = 4
MAX_PAYLOAD = 0xFF_FFFF
"""A packet of this size goes on in the next one, even if nothing is left for it."""

_UINT16 = Struct("<H")
_UINT32 = Struct("<I")
_UINT64 = Struct("<Q")
_NULL = 0xFB


def text(raw: bytes) -> str:
    """Decode without loss: a name may be in any encoding, and is sent on as it came."""
    return raw.decode("utf-8", "surrogateescape")


def raw(value: str) -> bytes:
    return value.encode("utf-8", "surrogateescape")


def cstring(value: str) -> bytes:
    encoded = raw(value)
    if b"\0" in encoded:
        raise ValueError("has a NUL byte in it")
    return encoded + b"\0"


def packet(sequence: int, payload: bytes) -> bytes:
    """Length, sequence number, payload: as many packets as it takes."""
    packets = []
    for number, start in enumerate(range(0, len(payload) + 1, MAX_PAYLOAD), sequence):
        piece = payload[start : start + MAX_PAYLOAD]
        packets.append(len(piece).to_bytes(3, "little") + bytes((number & 0xFF,)) + piece)
    return b"".join(packets)


def lenenc_int(value: int) -> bytes:
    if value < _NULL:
        return bytes((value,))
    if value < 1 << 16:
        return b"\xfc" + _UINT16.pack(value)
    if value < 1 << 24:
        return b"\xfd" + value.to_bytes(3, "little")
    return b"\xfe" + _UINT64.pack(value)


def lenenc_bytes(value: bytes) -> bytes:
    return lenenc_int(len(value)) + value


class Reader:
    """Takes a payload apart from its first byte to its last. Raises ValueError past its end."""

    def __init__(self, payload: bytes | memoryview, position: int = 0) -> None:
        self._payload = payload
        self.position = position

    @property
    def left(self) -> int:
        """How many bytes nobody has taken yet."""
        return len(self._payload) - self.position

    def take(self, size: int) -> bytes:
        if size > self.left:
            raise ValueError(f"it ends {size - self.left} bytes too early")
        start, self.position = self.position, self.position + size
        return bytes(self._payload[start : self.position])

    def rest(self) -> bytes:
        return self.take(self.left)

    def uint8(self) -> int:
        return self.take(1)[0]

    def uint16(self) -> int:
        return int.from_bytes(self.take(2), "little")

    def uint24(self) -> int:
        return int.from_bytes(self.take(3), "little")

    def uint32(self) -> int:
        return int.from_bytes(self.take(4), "little")

    def uint64(self) -> int:
        return int.from_bytes(self.take(8), "little")

    def cbytes(self) -> bytes:
        """All before the next NUL, which is taken as well."""
        found, nul, _ = bytes(self._payload[self.position :]).partition(b"\0")
        if not nul:
            raise ValueError("a string in it does not end")
        return self.take(len(found) + 1)[:-1]

    def cbytes_or_rest(self) -> bytes:
        """The same where some forget the NUL of a packet's last string."""
        try:
            return self.cbytes()
        except ValueError:
            return self.rest()

    def lenenc_int_or_null(self) -> int | None:
        """None where the value is NULL, which a row's column may be."""
        first = self.uint8()
        if first < _NULL:
            return first
        if first == _NULL:
            return None
        if first == 0xFF:
            raise ValueError("a length in it begins with 0xFF")
        return int.from_bytes(self.take({0xFC: 2, 0xFD: 3, 0xFE: 8}[first]), "little")

    def lenenc_int(self) -> int:
        value = self.lenenc_int_or_null()
        if value is None:
            raise ValueError("a length in it is NULL")
        return value

    def lenenc_bytes(self) -> bytes:
        return self.take(self.lenenc_int())

"""The types that SSH's messages are made of, in the connection protocol and in SFTP alike.

Source: RFC 4251, section 5. What a message says is in `protocols.ssh.messages` and
`protocols.ssh.sftp_messages`.
"""

from struct import Struct

_UINT32 = Struct(">I")
_UINT64 = Struct(">Q")


class Malformed(ValueError):
    """What was sent is not the protocol. Whoever knows the sender makes a refusal of it."""


def text(raw: bytes) -> str:
    """Decode without loss, to compare a name or a command with what a role says."""
    return raw.decode("utf-8", "surrogateescape")


def told(raw: bytes, most: int = 1 << 16) -> str:
    """Decode for the audit: cut, and what is not UTF-8 escaped, so that all can read it."""
    return raw[:most].decode("utf-8", "backslashreplace")


def uint32(value: int) -> bytes:
    return _UINT32.pack(value)


def uint64(value: int) -> bytes:
    return _UINT64.pack(value)


def boolean(value: bool) -> bytes:
    return b"\1" if value else b"\0"


def string(value: bytes) -> bytes:
    return _UINT32.pack(len(value)) + value


class Reader:
    """Takes a message apart from its first byte to its last. Raises Malformed past its end."""

    def __init__(self, message: bytes | bytearray, position: int = 0) -> None:
        self._message = message
        self.position = position

    @property
    def left(self) -> int:
        """How many bytes nobody has taken yet."""
        return len(self._message) - self.position

    def take(self, size: int) -> bytes:
        if size > self.left:
            raise Malformed(f"it ends {size - self.left} bytes too early")
        start, self.position = self.position, self.position + size
        return bytes(self._message[start : self.position])

    def rest(self) -> bytes:
        return self.take(self.left)

    def boolean(self) -> bool:
        return self.take(1) != b"\0"

    def uint32(self) -> int:
        if self.left < _UINT32.size:
            self.take(_UINT32.size)
        value: int = _UINT32.unpack_from(self._message, self.position)[0]
        self.position += _UINT32.size
        return value

    def uint64(self) -> int:
        if self.left < _UINT64.size:
            self.take(_UINT64.size)
        value: int = _UINT64.unpack_from(self._message, self.position)[0]
        self.position += _UINT64.size
        return value

    def string(self, most: int | None = None) -> bytes:
        size = self.uint32()
        if most is not None and size > most:
            raise Malformed(f"a string in it is {size} bytes long, more than {most}")
        return self.take(size)

    def end(self) -> None:
        """Nothing may be left."""
        if self.left:
            raise Malformed(f"it has {self.left} bytes too many")

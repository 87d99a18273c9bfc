"""The messages of PostgreSQL's protocol that a login is made of, by the documentation's names.

One small frozen type a message, decode beside encode; decoding and encoding again gives the same
bytes. Source: PostgreSQL documentation, "Message Formats". What flows after login is only framed,
in `protocols.postgres.frames`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from struct import Struct
from typing import ClassVar, Self

_INT32 = Struct(">i")
_UINT16_PAIR = Struct(">HH")

MIN_STARTUP_LENGTH = 8
MAX_STARTUP_LENGTH = 10_004

SSL_REQUEST = _INT32.pack(8) + _UINT16_PAIR.pack(1234, 5679)
GSSENC_REQUEST = _INT32.pack(8) + _UINT16_PAIR.pack(1234, 5680)
CANCEL_REQUEST_CODE = _UINT16_PAIR.pack(1234, 5678)


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


def message(kind: bytes, body: bytes) -> bytes:
    """Type byte, length, body."""
    return kind + _INT32.pack(len(body) + 4) + body


@dataclass(frozen=True, slots=True)
class StartupMessage:
    """The client's first words; `version` is (major, minor)."""

    version: tuple[int, int]
    parameters: Mapping[str, str]

    @classmethod
    def decode(cls, packet: bytes) -> Self:
        """Decode a packet with its length. Raises ValueError where the layout is not the format."""
        fields = packet[8:].split(b"\0")
        # "key\0value\0...\0": an empty name ends the list, and it must be the packet's last byte.
        if len(packet) < 9 or len(fields) % 2 or fields[-2:] != [b"", b""]:
            raise ValueError("expected terminator as last byte")
        names = [text(name) for name in fields[:-2:2]]
        if "" in names:
            raise ValueError("expected terminator as last byte")
        values = [text(value) for value in fields[1:-2:2]]
        return cls(_UINT16_PAIR.unpack_from(packet, 4), dict(zip(names, values, strict=True)))

    def encode(self) -> bytes:
        pairs = b"".join(cstring(k) + cstring(v) for k, v in self.parameters.items())
        body = _UINT16_PAIR.pack(*self.version) + pairs + b"\0"
        return _INT32.pack(len(body) + 4) + body


@dataclass(frozen=True, slots=True)
class CancelRequest:
    """Sent instead of a startup message; `key` is BackendKeyData's body: process id and secret."""

    key: bytes = field(repr=False)

    @classmethod
    def decode(cls, packet: bytes) -> Self:
        if not 8 + 4 <= len(packet) - 4 <= 8 + 256:
            raise ValueError("a cancel key has 4 to 256 bytes")
        return cls(packet[8:])

    def encode(self) -> bytes:
        return _INT32.pack(8 + len(self.key)) + CANCEL_REQUEST_CODE + self.key


@dataclass(frozen=True, slots=True)
class NegotiateProtocolVersion:
    """The newest minor version that the sender speaks, and the options it does not know."""

    kind: ClassVar[bytes] = b"v"
    newest: tuple[int, int]
    unrecognized: Sequence[str]

    @classmethod
    def decode(cls, body: bytes) -> Self:
        if len(body) < 8:
            raise ValueError("NegotiateProtocolVersion is too short")
        major, minor = _UINT16_PAIR.unpack_from(body)
        (count,) = _INT32.unpack_from(body, 4)
        names = body[8:].split(b"\0")
        if names.pop() != b"" or len(names) != count:
            raise ValueError("NegotiateProtocolVersion does not hold the options it counts")
        return cls((major, minor), tuple(map(text, names)))

    def encode(self) -> bytes:
        names = b"".join(map(cstring, self.unrecognized))
        head = _UINT16_PAIR.pack(*self.newest) + _INT32.pack(len(self.unrecognized))
        return message(self.kind, head + names)


@dataclass(frozen=True, slots=True)
class Authentication:
    """Every `R` message: a method's number and what that method says."""

    kind: ClassVar[bytes] = b"R"
    method: int
    data: bytes = field(default=b"", repr=False)

    @classmethod
    def decode(cls, body: bytes) -> Self:
        if len(body) < 4:
            raise ValueError("Authentication is too short")
        return cls(_INT32.unpack_from(body)[0], body[4:])

    def encode(self) -> bytes:
        return message(self.kind, _INT32.pack(self.method) + self.data)


AUTHENTICATION_OK = 0
CLEARTEXT_PASSWORD = 3
MD5_PASSWORD = 5
SASL = 10
SASL_CONTINUE = 11
SASL_FINAL = 12
METHOD_NAMES = {2: "Kerberos V5", 6: "SCM credentials", 7: "GSSAPI", 9: "SSPI"}


@dataclass(frozen=True, slots=True)
class PasswordMessage:
    """Every `p` message that a client sends; it always bears a credential or a proof of one."""

    data: bytes = field(repr=False)

    def encode(self) -> bytes:
        return message(b"p", self.data)


@dataclass(frozen=True, slots=True)
class ErrorResponse:
    """Field codes and their texts as they came; see "Error and Notice Message Fields"."""

    kind: ClassVar[bytes] = b"E"
    fields: Sequence[tuple[str, str]]

    @classmethod
    def decode(cls, body: bytes) -> Self:
        if body[-1:] != b"\0" or (len(body) > 1 and body[-2:] != b"\0\0"):
            raise ValueError("ErrorResponse has no terminator")
        parts = [text(part) for part in body[:-1].split(b"\0")[:-1]]
        if "" in parts:
            raise ValueError("ErrorResponse has an empty field")
        return cls(tuple((part[0], part[1:]) for part in parts))

    @classmethod
    def fatal(cls, code: str, sentence: str) -> Self:
        """An error that ends the session, worded by us."""
        return cls((("S", "FATAL"), ("V", "FATAL"), ("C", code), ("M", sentence)))

    def encode(self) -> bytes:
        return message(self.kind, b"".join(cstring(c + t) for c, t in self.fields) + b"\0")

    def field(self, code: str) -> str:
        """The text of the first field with this code, or nothing."""
        return next((content for found, content in self.fields if found == code), "")

"""The packets of MySQL's protocol that a login is made of, by the documentation's names.

One small frozen type a packet, decode beside encode; decoding and encoding again gives the same
bytes. Source: "Connection Phase Packets" and "Generic Response Packets" in MySQL's documentation;
MariaDB's where it differs. The server's first words are in `protocols.mysql.greeting`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from struct import Struct
from typing import ClassVar, Self

from protocols.mysql.capabilities import COMPRESSION, Capability, from_wire, to_wire
from protocols.mysql.packets import Reader, cstring, lenenc_bytes, lenenc_int, raw, text

_HEAD = Struct("<IIB19xI")  # capabilities, largest packet, charset, reserved, MariaDB's extension
_UINT16 = Struct("<H")
_STATUS_AND_WARNINGS = Struct("<HH")
_SIZES_OF_SSL_REQUEST = (4, _HEAD.size)  # Connector/J of old sends the flags alone

QUIT = b"\x01"
OK = b"\x00"
ERR = b"\xff"
AUTH_SWITCH = b"\xfe"
AUTH_MORE_DATA = b"\x01"


def asks_for_tls(payload: bytes) -> bool:
    """Whether it is an SSLRequest: a login packet that ends before the user's name."""
    flags = int.from_bytes(payload[:4], "little")
    return len(payload) in _SIZES_OF_SSL_REQUEST and bool(flags & Capability.SSL)


@dataclass(frozen=True, slots=True, kw_only=True)
class HandshakeResponse:
    """HandshakeResponse41. `answer` is to the challenge; `attributes` are as they came."""

    capabilities: Capability
    max_packet_size: int
    charset: int
    user: str
    answer: bytes = field(default=b"", repr=False)
    database: str = ""
    plugin: str = ""
    attributes: bytes = b""
    zstd_level: int = 0

    @classmethod
    def decode(cls, payload: bytes, offer: Capability) -> Self:
        """Read it by what was offered and chosen: some clients claim more than they were offered,
        and go by what both have. Raises ValueError where the layout is not the format."""
        reader = Reader(payload)
        lower, size, charset, extension = _HEAD.unpack(reader.take(_HEAD.size))
        claimed = from_wire(lower, extension)
        flags = claimed & offer
        if (claimed ^ flags) & COMPRESSION:
            raise ValueError("it compresses by an algorithm that was not offered")
        return cls(
            capabilities=flags,
            max_packet_size=size,
            charset=charset,
            user=text(reader.cbytes()),
            answer=_take_answer(reader, flags),
            database=_take_if(Capability.CONNECT_WITH_DB in flags, reader),
            plugin=_take_if(Capability.PLUGIN_AUTH in flags, reader),
            attributes=reader.lenenc_bytes() if Capability.CONNECT_ATTRS in flags else b"",
            zstd_level=reader.uint8() if _compresses_by_zstd(flags) else 0,
        )

    def encode(self) -> bytes:
        flags = self.capabilities
        parts = [self.ssl_request(), cstring(self.user), _answer(self.answer, flags)]
        if Capability.CONNECT_WITH_DB in flags:
            parts.append(cstring(self.database))
        if Capability.PLUGIN_AUTH in flags:
            parts.append(cstring(self.plugin))
        if Capability.CONNECT_ATTRS in flags:
            parts.append(lenenc_bytes(self.attributes))
        if _compresses_by_zstd(flags):
            parts.append(bytes((self.zstd_level,)))
        return b"".join(parts)

    def ssl_request(self) -> bytes:
        """What goes before it where TLS goes between."""
        lower, extension = to_wire(self.capabilities)
        return _HEAD.pack(lower, self.max_packet_size, self.charset, extension)


def _take_answer(reader: Reader, flags: Capability) -> bytes:
    if Capability.PLUGIN_AUTH_LENENC_CLIENT_DATA in flags:
        return reader.lenenc_bytes()
    if Capability.SECURE_CONNECTION in flags:
        return reader.take(reader.uint8())
    return reader.cbytes()


def _answer(answer: bytes, flags: Capability) -> bytes:
    if Capability.PLUGIN_AUTH_LENENC_CLIENT_DATA in flags:
        return lenenc_bytes(answer)
    if len(answer) > 0xFF:
        raise ValueError("is too long for so old a server")
    return bytes((len(answer),)) + answer


def _take_if(present: bool, reader: Reader) -> str:
    return text(reader.cbytes_or_rest()) if present else ""


def _compresses_by_zstd(flags: Capability) -> bool:
    return flags & COMPRESSION == Capability.ZSTD_COMPRESSION_ALGORITHM


def decode_attributes(block: bytes) -> Mapping[str, str]:
    """What a client tells of itself, as far as it can be read."""
    reader, found = Reader(block), {}
    try:
        while reader.left:
            name = text(reader.lenenc_bytes())
            found[name] = text(reader.lenenc_bytes())
    except ValueError:
        pass  # upstream is sent it as it is
    return found


def encode_attributes(attributes: Mapping[str, str]) -> bytes:
    pairs = (lenenc_bytes(raw(text)) for pair in attributes.items() for text in pair)
    return b"".join(pairs)


@dataclass(frozen=True, slots=True)
class AuthSwitchRequest:
    """The server wants another plugin, and has a challenge for it."""

    plugin: str
    data: bytes = field(repr=False)

    @classmethod
    def decode(cls, payload: bytes) -> Self:
        reader = Reader(payload, len(AUTH_SWITCH))
        return cls(text(reader.cbytes()), reader.rest())

    def encode(self) -> bytes:
        return AUTH_SWITCH + cstring(self.plugin) + self.data


@dataclass(frozen=True, slots=True)
class OkPacket:
    """The end of a login. `tail` is the session's state where it is tracked, as it came."""

    affected_rows: int
    insert_id: int
    status: int
    warnings: int
    info: bytes | None
    tail: bytes

    @classmethod
    def decode(cls, payload: bytes) -> Self:
        reader = Reader(payload, len(OK))
        rows, insert_id = reader.lenenc_int(), reader.lenenc_int()
        status, warnings = reader.uint16(), reader.uint16()
        info = reader.lenenc_bytes() if reader.left else None
        return cls(rows, insert_id, status, warnings, info, reader.rest())

    def encode(self) -> bytes:
        head = OK + lenenc_int(self.affected_rows) + lenenc_int(self.insert_id)
        info = b"" if self.info is None else lenenc_bytes(self.info)
        return head + _STATUS_AND_WARNINGS.pack(self.status, self.warnings) + info + self.tail


@dataclass(frozen=True, slots=True)
class ErrPacket:
    """An error; its SQLSTATE is None where client and server have agreed on nothing yet."""

    code: int
    sqlstate: str | None
    message: str

    MARK: ClassVar[bytes] = b"#"

    @classmethod
    def decode(cls, payload: bytes) -> Self:
        reader = Reader(payload, len(ERR))
        code, message = reader.uint16(), reader.rest()
        if message[:1] != cls.MARK:
            return cls(code, None, text(message))
        return cls(code, text(message[1:6]), text(message[6:]))

    def encode(self) -> bytes:
        state = b"" if self.sqlstate is None else self.MARK + raw(self.sqlstate)
        return ERR + _UINT16.pack(self.code) + state + raw(self.message)

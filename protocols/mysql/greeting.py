"""The server's first words: HandshakeV10, upstream's own and the one that clients are shown.

A client takes a great deal from it (what SQL a version understands, which thread to kill), so it is
upstream's in everything that is not about proving who one is.
"""

from dataclasses import dataclass, field, replace
from struct import Struct
from typing import Self

from protocols.mysql.capabilities import Capability, from_wire, offered, to_wire
from protocols.mysql.packets import Reader, cstring, text

_PROTOCOL = 10
_FIRST_PART = 8  # bytes of the scramble
_SHORTEST_REST = 13
_MIDDLE = Struct("<HBHHB6xI")  # from the lower capabilities to the reserved bytes
OUR_PLUGIN = "caching_sha2_password"


@dataclass(frozen=True, slots=True)
class Greeting:
    """HandshakeV10. `scramble` is without the NUL that ends it on the wire."""

    server_version: str
    thread_id: int
    scramble: bytes = field(repr=False)
    capabilities: Capability
    charset: int
    status: int
    plugin: str = ""

    @classmethod
    def decode(cls, payload: bytes) -> Self:
        """Raises ValueError where the layout is not the format."""
        reader = Reader(payload)
        if reader.uint8() != _PROTOCOL:
            raise ValueError(f"it does not begin with protocol version {_PROTOCOL}")
        version, thread_id = text(reader.cbytes()), reader.uint32()
        scramble = reader.take(_FIRST_PART + 1)[:_FIRST_PART]
        lower, charset, status, upper, size, extension = _MIDDLE.unpack(reader.take(_MIDDLE.size))
        flags = from_wire(lower | upper << 16, extension)
        if Capability.SECURE_CONNECTION in flags:
            scramble += reader.take(max(_SHORTEST_REST, size - _FIRST_PART)).removesuffix(b"\0")
        plugin = reader.cbytes_or_rest() if Capability.PLUGIN_AUTH in flags else b""
        return cls(version, thread_id, scramble, flags, charset, status, text(plugin))

    def encode(self) -> bytes:
        """As every server of the last twenty years does, with all of the scramble."""
        lower, extension = to_wire(self.capabilities)
        first, rest = self.scramble[:_FIRST_PART], self.scramble[_FIRST_PART:] + b"\0"
        has_plugin = Capability.PLUGIN_AUTH in self.capabilities
        size = _FIRST_PART + len(rest) if has_plugin else 0
        middle = _MIDDLE.pack(
            lower & 0xFFFF, self.charset, self.status, lower >> 16, size, extension
        )
        head = bytes((_PROTOCOL,)) + cstring(self.server_version)
        thread = self.thread_id.to_bytes(4, "little")
        plugin = cstring(self.plugin) if has_plugin else b""
        return head + thread + first + b"\0" + middle + rest.ljust(_SHORTEST_REST, b"\0") + plugin

    @property
    def is_mariadb(self) -> bool:
        return Capability.LONG_PASSWORD not in self.capabilities or "MariaDB" in self.server_version

    @property
    def version(self) -> str:
        """MariaDB's own, before which it says 5.5.5- to replicas that could not read it."""
        return self.server_version.removeprefix("5.5.5-")

    def for_clients(self, scramble: bytes, *, local_files: bool) -> Self:
        """What a client may know of upstream, with a challenge of ours."""
        flags = offered(self.capabilities, self.server_version, local_files=local_files)
        return replace(self, scramble=scramble, capabilities=flags, plugin=OUR_PLUGIN)

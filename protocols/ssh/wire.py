"""Between a leg and its transport: what is read comes to one place, and what is written leaves from
few, so that a busy session allocates nothing, and an idle one keeps nothing.

Whoever is told of what was read looks at it before anybody reads again: one loop, one thread.
"""

import asyncio
from typing import Protocol

LARGEST = 256 * 1024  # bytes of a packet, as much as OpenSSH takes
_READ = 256 * 1024  # at once
_SLOWLY = 64 * 1024  # where asyncssh copies all that is left of it for each packet
_SIZE = LARGEST + 64 + _READ
_INCOMING = memoryview(bytearray(_SIZE))
_WORTH_A_BUFFER = 64 * 1024
_spare: list[memoryview] = []


class End(Protocol):
    """A leg's end of it."""

    def remainder(self) -> bytes | None:
        """What is there of a packet that is not whole yet; None where it is asyncssh's to say."""

    def take(self, received: memoryview) -> None:
        """What was read, behind the remainder if there is one."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None: ...
    def connection_lost(self, exc: Exception | None) -> None: ...
    def eof_received(self) -> None: ...
    def pause_writing(self) -> None: ...
    def resume_writing(self) -> None: ...


class Incoming(asyncio.BufferedProtocol):
    """What a transport is given in a leg's place."""

    def __init__(self, end: End) -> None:
        self._end = end
        self._kept = 0

    def get_buffer(self, sizehint: int) -> memoryview:
        remainder = self._end.remainder()
        if remainder is None:
            self._kept = 0
            return _INCOMING[:_SLOWLY]
        self._kept = kept = len(remainder)
        _INCOMING[:kept] = remainder
        return _INCOMING[kept : kept + _READ]

    def buffer_updated(self, nbytes: int) -> None:
        self._end.take(_INCOMING[: self._kept + nbytes])

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._end.connection_made(transport)

    def connection_lost(self, exc: Exception | None) -> None:
        self._end.connection_lost(exc)

    def eof_received(self) -> None:
        self._end.eof_received()

    def pause_writing(self) -> None:
        self._end.pause_writing()

    def resume_writing(self) -> None:
        self._end.resume_writing()


class Outgoing:
    """Packets that are written at once, when the last of them is there."""

    def __init__(self) -> None:
        self._buffer: memoryview | None = None
        self._end = 0

    def has_room(self, size: int) -> bool:
        return self._end + size <= _SIZE

    def room(self, size: int) -> memoryview:
        """For so many bytes, behind those that are there."""
        if self._buffer is None:
            self._buffer = _spare.pop() if _spare else memoryview(bytearray(_SIZE))
        start, self._end = self._end, self._end + size
        return self._buffer[start : self._end]

    def write(self, transport: asyncio.Transport | None) -> None:
        """All there is. A transport may keep what it does not get rid of, which is not to change
        then."""
        buffer, size = self._buffer, self._end
        if buffer is None:
            return
        self._buffer, self._end = None, 0
        if transport is not None:
            if size < _WORTH_A_BUFFER or transport.get_write_buffer_size():
                transport.write(bytes(buffer[:size]))
            else:
                transport.write(buffer[:size])
                if transport.get_write_buffer_size():
                    return
        _spare.append(buffer)

"""The compressed protocol: frames around the stream of packets, with sequence numbers of their own.

A frame's payload is one zlib stream or Zstandard frame, or plain where its header says so. It is
inflated piece by piece, and never to more than its header claims. Source: "Compression" in MySQL's
documentation.
"""

import sys
import zlib
from collections.abc import Iterator
from typing import Protocol

from protocols.api import Chunk
from protocols.errors import Refusal
from protocols.mysql.frames import Packets, Stream
from protocols.mysql.packets import HEADER_SIZE, MAX_PAYLOAD

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

_HEADER_SIZE = 7  # of a frame: length, sequence number, length before compression
_PIECE = 65_536
_SHORT = 65_536  # of a payload
_WINDOW = {int(zstd.DecompressionParameter.window_log_max): 24}  # of no payload more is ever used


class _Inflater(Protocol):
    """One frame's payload."""

    @property
    def over(self) -> bool:
        """Whether it has come to its end."""

    @property
    def exact(self) -> bool:
        """Whether nothing stood behind that."""

    def inflate(self, data: bytes) -> Iterator[bytes]:
        """All that can be had so far, in pieces. Raises ValueError where it is not the format."""


class _Zlib:
    def __init__(self) -> None:
        self._stream = zlib.decompressobj()

    @property
    def over(self) -> bool:
        return self._stream.eof

    @property
    def exact(self) -> bool:
        return not self._stream.unused_data

    def inflate(self, data: bytes) -> Iterator[bytes]:
        try:
            while piece := self._stream.decompress(data, _PIECE):
                yield piece
                data = self._stream.unconsumed_tail
        except zlib.error as error:
            raise ValueError(str(error)) from None


class _Zstandard:
    def __init__(self) -> None:
        self._stream = zstd.ZstdDecompressor(options=_WINDOW)

    @property
    def over(self) -> bool:
        return self._stream.eof

    @property
    def exact(self) -> bool:
        return not self._stream.unused_data

    def inflate(self, data: bytes) -> Iterator[bytes]:
        try:
            while piece := self._stream.decompress(data, _PIECE):
                yield piece
                if self._stream.eof:
                    return
                data = b""
        except (zstd.ZstdError, EOFError) as error:  # the latter: there is more behind its end
            raise ValueError(str(error)) from None


_INFLATERS: dict[str, type[_Zlib] | type[_Zstandard]] = {"zlib": _Zlib, "zstd": _Zstandard}


class Frames:
    """Cuts one side's stream into frames. `fault` is raised where one is not what it claims."""

    def __init__(self, algorithm: str, fault: Refusal) -> None:
        self.sequence = 0  # of the last frame
        self.short = True  # so that it was handed on whole
        self._algorithm = _INFLATERS[algorithm]
        self._fault = fault
        self._held = bytearray()  # a header, or a short frame, that is not there yet
        self._left = 0  # bytes still to come of the frame at hand, with its header
        self._header = 0  # of which are its header
        self._inflater: _Inflater | None = None  # where its payload is compressed
        self._owed = 0  # bytes that inflating must still give

    def at_boundary(self) -> bool:
        return not (self._left or self._held)

    def feed(self, chunk: Chunk) -> Iterator[tuple[bytes, Iterator[bytes]]]:
        """Whole short frames, and pieces of long ones: as they came, and inflated. The latter must
        be read to the end before the next is asked for."""
        self._held += chunk
        while (self._left or self._open()) and self._held:
            raw = bytes(self._held[: self._left])
            del self._held[: self._left]
            self._left -= len(raw)
            yield raw, self._inflate(raw)

    def _open(self) -> bool:
        """Whether a frame begins that can be dealt with."""
        if len(self._held) < _HEADER_SIZE:
            return False
        size = int.from_bytes(self._held[:3], "little")
        self.short = size <= _SHORT
        if self.short and len(self._held) < _HEADER_SIZE + size:
            return False
        self._left, self._header = _HEADER_SIZE + size, _HEADER_SIZE
        self.sequence = self._held[3]
        self._owed = int.from_bytes(self._held[4:7], "little")
        self._inflater = self._algorithm() if self._owed else None
        return True

    def _inflate(self, raw: bytes) -> Iterator[bytes]:
        payload, self._header = raw[self._header :], 0
        if self._inflater is None:
            yield payload
            return
        try:
            for piece in self._inflater.inflate(payload):
                self._owed -= len(piece)
                if self._owed < 0:
                    raise self._fault
                yield piece
        except ValueError:
            raise self._fault from None
        whole = not self._left
        if self._inflater.over != whole or (whole and (self._owed or not self._inflater.exact)):
            raise self._fault


class Inflated(Stream):
    """The packets inside of frames, read like those of a stream without them."""

    def __init__(self, packets: Packets, algorithm: str, fault: Refusal) -> None:
        super().__init__()
        self._packets = packets
        self._frames = Frames(algorithm, fault)

    def at_boundary(self) -> bool:
        return self._frames.at_boundary() and self._packets.at_boundary()

    def feed(self, chunk: Chunk) -> None:
        for _, pieces in self._frames.feed(chunk):
            self.sequence = self._frames.sequence
            for piece in pieces:
                self._packets.feed(piece)


def stream(packets: Packets, algorithm: str | None, fault: Refusal) -> Stream:
    """What one side's bytes go into, so that its packets come out."""
    return packets if algorithm is None else Inflated(packets, algorithm, fault)


def framed(packets: bytes) -> bytes:
    """Whole packets, each in a frame of its own that has the packet's number and is plain.

    ValueError: there is one that is not whole, or too long for a frame.
    """
    frames, position = [], 0
    while position < len(packets):
        size = HEADER_SIZE + int.from_bytes(packets[position : position + 3], "little")
        packet = packets[position : position + size]
        if len(packet) < size or size > MAX_PAYLOAD:
            raise ValueError("this is no packet that fits a frame")
        frames.append(size.to_bytes(3, "little") + packet[3:4] + bytes(3) + packet)
        position += size
    return b"".join(frames)

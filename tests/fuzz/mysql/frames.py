"""One side's compressed frames, beside a second and simpler reading of the same bytes.

A frame may claim 16 MiB for a few bytes, and one that lies may have any number: it is inflated in
small pieces, and never to more than it claims.
"""

import sys
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from hashlib import sha256

from protocols.api import Side
from protocols.errors import Reason, Refusal
from protocols.mysql.compression import Frames
from tests.fuzz.conversation import Conversation, in_pieces
from tests.fuzz.limits import in_time, weigh
from tests.fuzz.mysql.framing import FRAMES
from tests.fuzz.mysql.settings import algorithm
from tests.fuzz.taps import WHOLE, cuts
from tests.fuzz.target import Breach, Checked

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

_SHORT = 65_536  # of a frame that must be there before any of it is inflated
_MOST_OF_PIECE = 65_536
_LARGEST_WINDOW = {int(zstd.DecompressionParameter.window_log_max): 24}
_SECONDS, _SECONDS_PER_BYTE, _SECONDS_PER_CLAIM = 0.02, 4e-6, 1e-8
_EMPTY, _PER_BYTE = 200_000, 2


@dataclass(frozen=True, slots=True)
class Reading:
    """What came out in the end, and whether the last byte was a frame's last; None after a fault,
    where it depends on the cut how much came out before."""

    digest: bytes | None
    size: int
    at_boundary: bool | None


_FAULT = Reading(None, 0, None)


def check(conversation: Conversation) -> Checked:
    name = algorithm(conversation.dice)
    messages, ends = 0, []
    for side in Side:
        data = conversation.said(side)
        expected = _expect(data, name)
        bound = _SECONDS + _SECONDS_PER_BYTE * len(data) + _SECONDS_PER_CLAIM * claimed(data)
        readings = [in_time(partial(read, data, name, WHOLE), bound)]
        readings += [read(data, name, sizes) for sizes in cuts(conversation)]
        for reading in readings:
            if reading != expected:
                raise Breach(f"reads {reading} of the {side.value}'s bytes, not {expected}")
        messages += len(FRAMES.split(data))
        ends.append((expected.at_boundary, expected.size > 0))
    return Checked(messages, tuple(ends))


def read(data: bytes, name: str, sizes: Sequence[int]) -> Reading:
    frames = Frames(name, Refusal(Reason.MALFORMED, "no frame"))
    digest, size, raw = sha256(), 0, 0
    try:
        for chunk in in_pieces(data, sizes):
            for came, pieces in frames.feed(memoryview(chunk)):
                raw += len(came)
                for piece in pieces:
                    digest.update(piece)
                    size += len(piece)
                    if len(piece) > _MOST_OF_PIECE + len(chunk):
                        raise Breach(f"inflates {len(piece)} bytes at once")
            if sizes == WHOLE and weigh(frames) > _EMPTY + _PER_BYTE * len(data):
                raise Breach(f"keeps {weigh(frames)} bytes")
    except Refusal:
        return _FAULT
    if frames.at_boundary() and raw != len(data):
        raise Breach(f"hands on {raw} bytes of {len(data)}")
    return Reading(digest.digest(), size, frames.at_boundary())


def claimed(data: bytes) -> int:
    """Bytes that all frames together claim to have."""
    return sum(int.from_bytes(frame[4:7], "little") for frame in FRAMES.split(data))


def has_long_frame(data: bytes) -> bool:
    """Whether there is one that is inflated before it is there."""
    return any(int.from_bytes(frame[:3], "little") > _SHORT for frame in FRAMES.split(data))


def inflate(data: bytes, name: str) -> bytes | None:
    """All that is in frames; None where the last one is not whole."""
    pieces, position = _pieces(data, name)
    return b"".join(pieces) if position == len(data) else None


def _expect(data: bytes, name: str) -> Reading:
    pieces, position = _pieces(data, name)
    if position is None:
        return _FAULT
    return Reading(sha256(b"".join(pieces)).digest(), sum(map(len, pieces)), position == len(data))


def _pieces(data: bytes, name: str) -> tuple[list[bytes], int | None]:
    """What the frames have, and where the one begins that is not there yet; None after a fault."""
    pieces: list[bytes] = []
    position = 0
    while position + FRAMES.header <= len(data):
        size, claim = (
            int.from_bytes(data[position + start : position + start + 3], "little")
            for start in (0, 4)
        )
        payload = data[position + FRAMES.header : position + FRAMES.header + size]
        if len(payload) < size <= _SHORT:
            break
        whole = len(payload) == size
        inflated = _inflate(name, payload, claim, whole=whole) if claim else payload
        if inflated is None:
            return pieces, None
        pieces.append(inflated)
        position += FRAMES.header + size
    return pieces, position


def _inflate(name: str, payload: bytes, claimed: int, *, whole: bool) -> bytes | None:
    """All that is in it; None where it is not the format, or not what is claimed."""
    stream = (
        zlib.decompressobj() if name == "zlib" else zstd.ZstdDecompressor(options=_LARGEST_WINDOW)
    )
    try:
        inflated = bytes(stream.decompress(payload, claimed + 1))
    except (zlib.error, zstd.ZstdError, EOFError):
        return None
    if whole:
        fits = stream.eof and not stream.unused_data and len(inflated) == claimed
    else:
        fits = not stream.eof and len(inflated) <= claimed
    return inflated if fits else None

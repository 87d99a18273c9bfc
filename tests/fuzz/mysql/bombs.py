"""Frames that no server here would send: bombs, and those that claim what they are not."""

from collections.abc import Mapping

from protocols.api import Side
from protocols.mysql.capabilities import Capability
from tests.fuzz.conversation import Conversation, Step
from tests.fuzz.mysql.settings import dice_of
from tests.protocols.mysql.conversation import COMPRESS, query, zstd_of_window

_FLAGS = {"zlib": Capability.COMPRESS, "zstd": Capability.ZSTD_COMPRESSION_ALGORITHM}
_MOST = 0xFF_FFFF


def frame(payload: bytes, claimed: int) -> bytes:
    return len(payload).to_bytes(3, "little") + b"\0" + claimed.to_bytes(3, "little") + payload


def bombs() -> list[Conversation]:
    """Of either algorithm, said by both sides."""
    made = []
    for name, flag in _FLAGS.items():
        for said in _frames(name).values():
            steps = (Step(Side.CLIENT, said), Step(Side.UPSTREAM, said))
            made.append(Conversation(steps, dice_of(flag)))
    return made


def _frames(name: str) -> Mapping[str, bytes]:
    compress = COMPRESS[name]
    said = query("SELECT " + "x" * 200)
    squeezed = compress(said)
    bomb = compress(query(bytes(_MOST - 9)))
    frames = {
        "as_it_should_be": frame(squeezed, len(said)),
        "two_and_a_plain_one": frame(squeezed, len(said)) * 2 + frame(said, 0),
        "claims_too_much": frame(squeezed, len(said) + 1),
        "claims_too_little": frame(squeezed, len(said) - 1),
        "ends_too_early": frame(squeezed[:-3], len(said)),
        "more_behind_its_end": frame(squeezed + squeezed, len(said)),
        "bomb": frame(bomb, _MOST - 4),
        "bomb_that_claims_little": frame(bomb, 100),
        "plain_that_claims": frame(said, len(said)),
        "nothing": frame(b"", 0) + frame(b"", 5),
        "spread": frame(squeezed[:9], len(said)) + frame(squeezed[9:], len(said)),
        "cut": frame(compress(said[:50]), 50) + frame(said[50:], 0),
    }
    windows = {"large_window": frame(zstd_of_window(27, said), len(said))} if name == "zstd" else {}
    return frames | windows

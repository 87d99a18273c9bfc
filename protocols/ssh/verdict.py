"""What becomes of a packet that does not go on as it came."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Verdict:
    """What goes on instead of a packet: `onward` to the other side, and `back` to its sender."""

    onward: Sequence[bytes] = ()
    back: Sequence[bytes] = ()


DROPPED = Verdict()
"""Nothing goes anywhere."""

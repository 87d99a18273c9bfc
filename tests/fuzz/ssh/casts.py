"""Recordings of terminals: whatever a terminal shows and however it is cut, each line can be read,
and all of them together are what it showed."""

import json
from collections.abc import Sequence
from typing import Any

from protocols.api import Side
from protocols.ssh.recording import Cast
from protocols.ssh.requests import Terminal
from tests.fuzz.conversation import Conversation, in_pieces
from tests.fuzz.limits import in_time
from tests.fuzz.taps import WHOLE, cuts
from tests.fuzz.target import Breach, Checked
from tests.protocols.ssh.connection import Tape

_SECONDS, _SECONDS_PER_BYTE = 0.02, 2e-6
_KINDS = {Side.CLIENT: "i", Side.UPSTREAM: "o"}


def check(conversation: Conversation) -> Checked:
    bound = _SECONDS + _SECONDS_PER_BYTE * conversation.size
    whole = in_time(lambda: _shown(conversation, WHOLE), bound)
    for sizes in (WHOLE, *cuts(conversation)):
        lines = _shown(conversation, sizes)
        for side, kind in _KINDS.items():
            text = "".join(line[2] for line in lines if line[1] == kind)
            if text != conversation.said(side).decode("utf-8", "replace"):
                raise Breach(f"records {text!r} of the {side.value}'s bytes cut by {sizes}")
    return Checked(len(conversation.steps), len(whole))


def _shown(conversation: Conversation, sizes: Sequence[int]) -> list[Any]:
    """The lines behind the first, which tells of the terminal."""
    tape = Tape()
    cast = Cast(tape, lambda: 0.0, Terminal("xterm", 80, 24), "top")
    for step in conversation.steps:
        take = cast.input if step.side is Side.CLIENT else cast.output
        for piece in in_pieces(step.data, sizes):
            take(memoryview(piece))
    cast.close()
    header, *lines = map(json.loads, tape.lines.splitlines())
    if not tape.closed or header["version"] != 2:
        raise Breach("is no recording")
    return lines

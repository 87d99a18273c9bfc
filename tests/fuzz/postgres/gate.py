"""The gate of a role that refuses statements, beside a second reading of what it was shown.

Whatever the bytes are, every message goes on as it came or as one of the same type that fails, and
it is all one how they were cut.
"""

from collections.abc import Sequence

from protocols.api import Flow, Gate, Side
from protocols.errors import Refusal
from protocols.postgres import POSTGRES
from protocols.postgres.login import PostgresOptions
from tests.fuzz.conversation import Conversation, in_pieces
from tests.fuzz.limits import in_time, weigh
from tests.fuzz.postgres.framing import MESSAGES
from tests.fuzz.postgres.tap import new_tap
from tests.fuzz.taps import WHOLE, cuts
from tests.fuzz.target import Breach, Checked
from tests.protocols.postgres.server import role

_REFUSED = b"insufficient_privilege"
_SECONDS, _SECONDS_PER_BYTE = 0.02, 4e-6
_EMPTY, _PER_BYTE = 65_536, 3


def new_gate(dice: int) -> Gate:
    """Every gate of the fuzzers is made here."""
    login = role(options=PostgresOptions(refuse=("password-change", "copy-program")))
    flow = Flow(b"", b"", None, {})
    gate = POSTGRES.gate(login.without_credentials(), flow, new_tap(lambda _: None, dice))
    assert gate is not None
    return gate


def pass_through(conversation: Conversation, sizes: Sequence[int]) -> tuple[bytes, str]:
    """What goes on of what the client says, and how it ended; upstream's bytes stay as they are."""
    gate = new_gate(conversation.dice)
    passed = bytearray()
    try:
        for step in conversation.steps:
            for piece in in_pieces(step.data, sizes):
                chunk = bytearray(piece)
                if step.side is Side.CLIENT:
                    passed += gate.client_sent(memoryview(chunk))
                elif gate.upstream_sent(memoryview(chunk)) != piece:
                    raise Breach("changed upstream's bytes")
                chunk[:] = b"\xff" * len(chunk)
    except Refusal as refusal:
        return bytes(passed), str(refusal)
    if (weight := weigh(gate)) > _EMPTY + _PER_BYTE * conversation.size:
        raise Breach(f"keeps {weight} bytes")
    return bytes(passed), ""


def check(conversation: Conversation) -> Checked:
    bound = _SECONDS + _SECONDS_PER_BYTE * conversation.size
    passed, end = in_time(lambda: pass_through(conversation, WHOLE), bound)
    for sizes in cuts(conversation):
        cut = pass_through(conversation, sizes)
        # A fault is met before what goes on of its own chunk.
        if cut[1] != end or not (cut[0] == passed or end):
            raise Breach(f"{cut} goes on where it is cut by {sizes}, else {(passed, end)}")
    said = MESSAGES.split(conversation.said(Side.CLIENT))
    refused = 0 if end else _compare(said, MESSAGES.split(passed))
    return Checked(len(said), (bool(passed), end, refused))


def _compare(said: list[bytes], passed: list[bytes]) -> int:
    """How many messages were refused. The last one may not be whole, nor on its way yet."""
    refused = 0
    for before, after in zip(said[:-1], passed, strict=False):
        if before != after:
            refused += 1
            if before[:1] not in (b"Q", b"P") or after[:1] != before[:1] or _REFUSED not in after:
                raise Breach(f"{after!r} goes on for {before!r}")
    if len(passed) < len(said) - 1:
        raise Breach(f"of {len(said)} messages {len(passed)} go on")
    return refused

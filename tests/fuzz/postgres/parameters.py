"""The parameters that a statement runs with, and values of any type, as the audit tells them."""

from collections.abc import Sequence
from functools import partial
from random import Random

from protocols.api import Side
from protocols.postgres.parameters import Parameters
from protocols.postgres.values import in_text
from tests.fuzz.conversation import Conversation, in_pieces
from tests.fuzz.limits import in_time, weigh
from tests.fuzz.postgres.framing import MESSAGES
from tests.fuzz.taps import WHOLE, cuts
from tests.fuzz.target import Breach, Checked

_OIDS = (
    *(16, 17, 18, 19, 20, 21, 23, 25, 26, 114, 142, 199, 700, 701, 705, 1000, 1001, 1007, 1009),
    *(1015, 1016, 1021, 1042, 1043, 1082, 1114, 1115, 1182, 1184, 1185, 1231, 1700, 2950, 2951),
    *(3802, 3807, 0, 600, 16_384),
)
_ROOM = 131_072
_SECONDS, _SECONDS_PER_BYTE = 0.01, 1e-5
_EMPTY, _PER_BYTE = 16_384, 4

Told = tuple[tuple[str | None, ...], object]


def check(conversation: Conversation) -> Checked:
    """Every message is one with parameters, and its body a value of every type."""
    random = Random(conversation.dice)
    oids = random.choices(_OIDS, k=8)
    room = random.choice((_ROOM, _ROOM, 1_000, 0))
    messages = MESSAGES.split(conversation.said(Side.CLIENT))
    outcomes = []
    for body in map(_parameters, messages):
        bound = _SECONDS + _SECONDS_PER_BYTE * len(body)
        whole = in_time(partial(_tell, body, oids, room, WHOLE), bound)
        for sizes in cuts(conversation):
            if (cut := _tell(body, oids, room, sizes)) != whole:
                raise Breach(f"tells {cut} where it is cut by {sizes}, else {whole}")
        shown = [in_time(partial(in_text, body, oid, cut=room == 0), bound) for oid in _OIDS]
        outcomes.append((len(whole[0]), tuple(text is None for text in shown)))
    return Checked(len(messages), tuple(outcomes[:5]))


def _parameters(message: bytes) -> bytes:
    """A Bind's begin behind its names."""
    body = message[MESSAGES.header :]
    return body.split(b"\0", 2)[-1] if message[:1] == b"B" else body


def _tell(body: bytes, oids: Sequence[int], room: int, sizes: Sequence[int]) -> Told:
    parameters = Parameters(room)
    for piece in in_pieces(body, sizes):
        parameters.take(memoryview(piece))
    if weigh(parameters) > _EMPTY + _ROOM + _PER_BYTE * len(body):
        raise Breach(f"keeps {weigh(parameters)} bytes")
    told = parameters.told(oids, secret=False)
    if any(value not in (None, "***") for value in parameters.told(oids, secret=True)):
        raise Breach("tells what is secret")
    return told, parameters.cut

"""A session that goes on and on: a conversation again and again, its `00000`s counted up.

Whatever a client does thirty thousand times, its session keeps bounded things in mind.
"""

from protocols.api import Side, Tap
from protocols.errors import Refusal
from tests.fuzz.conversation import Conversation, Step
from tests.fuzz.limits import in_time, largest, weigh
from tests.fuzz.postgres.framing import MESSAGES
from tests.fuzz.postgres.tap import WHOLE, new_tap, show
from tests.fuzz.target import Breach, Checked

_ROUNDS = 30_000
_MOST_BYTES_A_ROUND = 600
_MOST_ENTRIES = 15_000
_MOST_WEIGHT = 64 << 20
_SECONDS_PER_MESSAGE, _SECONDS_PER_BYTE = 5e-5, 1e-7
_NUMBER = b"00000"


def check(conversation: Conversation) -> Checked:
    steps = _first_steps(conversation)
    messages = sum(len(MESSAGES.split(step.data)) for step in steps)
    size = sum(len(step.data) for step in steps)
    bound = _ROUNDS * (_SECONDS_PER_MESSAGE * messages + _SECONDS_PER_BYTE * size) + 1
    rounds, ended = in_time(lambda: _flood(steps, conversation.dice), bound)
    return Checked(messages * rounds, (ended, messages, rounds == _ROUNDS))


def _first_steps(conversation: Conversation) -> list[Step]:
    size, steps = 0, []
    for step in conversation.steps:
        size += len(step.data)
        if size <= _MOST_BYTES_A_ROUND:
            steps.append(step)
    return steps


def _flood(steps: list[Step], dice: int) -> tuple[int, str]:
    """How many rounds there were, and what ended them before their time."""
    tap = new_tap(lambda _: None, dice)
    for number in range(_ROUNDS):
        try:
            _say(tap, steps, b"%05d" % number)
        except Refusal as refusal:
            return number, str(refusal)
    if (most := largest(tap)) > _MOST_ENTRIES or weigh(tap) > _MOST_WEIGHT:
        raise Breach(f"keeps {weigh(tap)} bytes, and {most} entries of one kind")
    return _ROUNDS, ""


def _say(tap: Tap, steps: list[Step], number: bytes) -> None:
    for step in steps:
        if step.side is Side.UPSTREAM or not tap.full:
            show(tap, Step(step.side, step.data.replace(_NUMBER, number)), WHOLE)

"""A session that goes on and on: a conversation again and again, its zeros counted up.

Whatever a client does thirty thousand times, its session keeps bounded things in mind.
"""

from protocols.api import Side, Tap
from protocols.errors import Refusal
from tests.fuzz.conversation import Conversation, Step
from tests.fuzz.limits import in_time, largest, weigh
from tests.fuzz.taps import WHOLE, NewTap, Split, show
from tests.fuzz.target import Breach, Checked

_ROUNDS = 30_000
_MOST_BYTES_A_ROUND = 600
_MOST_ENTRIES = 15_000
_MOST_WEIGHT = 64 << 20
_SECONDS_PER_MESSAGE, _SECONDS_PER_BYTE = 5e-5, 1e-7


def check(new_tap: NewTap, split: Split, digits: bytes, conversation: Conversation) -> Checked:
    """`digits` is how a round's number is written: that of 0 is replaced by each."""
    steps = _first_steps(conversation)
    messages = sum(len(split(step.data)) for step in steps)
    size = sum(len(step.data) for step in steps)
    bound = _ROUNDS * (_SECONDS_PER_MESSAGE * messages + _SECONDS_PER_BYTE * size) + 1
    rounds, ended = in_time(lambda: _flood(new_tap, steps, conversation.dice, digits), bound)
    return Checked(messages * rounds, (ended, messages, rounds == _ROUNDS))


def _first_steps(conversation: Conversation) -> list[Step]:
    size, steps = 0, []
    for step in conversation.steps:
        size += len(step.data)
        if size <= _MOST_BYTES_A_ROUND:
            steps.append(step)
    return steps


def _flood(new_tap: NewTap, steps: list[Step], dice: int, digits: bytes) -> tuple[int, str]:
    """How many rounds there were, and what ended them before their time."""
    tap = new_tap(lambda _: None, dice)
    for number in range(_ROUNDS):
        try:
            _say(tap, steps, digits % 0, digits % number)
        except Refusal as refusal:
            return number, str(refusal)
    if (most := largest(tap)) > _MOST_ENTRIES or weigh(tap) > _MOST_WEIGHT:
        raise Breach(f"keeps {weigh(tap)} bytes, and {most} entries of one kind")
    return _ROUNDS, ""


def _say(tap: Tap, steps: list[Step], zero: bytes, number: bytes) -> None:
    for step in steps:
        if step.side is Side.UPSTREAM or not tap.full:
            show(tap, Step(step.side, step.data.replace(zero, number)), WHOLE)

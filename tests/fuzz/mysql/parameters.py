"""The values that statements run with, and where a statement begins behind its attributes."""

from functools import partial
from random import Random

from protocols.api import Side
from protocols.mysql.parameters import (
    Values,
    read_bulk_execution,
    read_execution,
    statement_position,
)
from protocols.mysql.statements import LONGEST_VALUE, Prepared
from tests.fuzz.conversation import Conversation
from tests.fuzz.limits import in_time
from tests.fuzz.mysql.framing import body, packets_of
from tests.fuzz.target import Breach, Checked

_TYPES = (*range(20), 245, 246, 249, 252, 253, 254, 255)
_MOST_VALUES = 1_000
_SECONDS, _SECONDS_PER_BYTE = 0.01, 1e-5

Told = tuple[Values | None, tuple[Values, ...] | None, int | None]


def check(conversation: Conversation) -> Checked:
    """Every packet is an execution of a statement that has as many parameters as the dice say."""
    random = Random(conversation.dice)
    count = random.choice((None, 0, 1, 2, 3, 12, 300, 65_535))
    known = random.choice((0, count or 0))
    types = bytes(random.choices(_TYPES, k=2 * known))  # of which some say that it is unsigned
    ahead = {random.randint(0, 3): random.randbytes(random.randint(0, LONGEST_VALUE))}
    long_data = random.choice(({}, ahead))
    packets, outcomes = packets_of(conversation, Side.CLIENT), []
    for payload in map(body, packets):
        read = partial(_read, payload, count, types, long_data, attributes=random.random() < 0.5)
        told = in_time(read, _SECONDS + _SECONDS_PER_BYTE * (len(payload) + len(types)))
        _judge(told, len(payload))
        outcomes.append((told[0] and len(told[0]), told[1] and len(told[1]), told[2] is None))
    return Checked(len(packets), tuple(outcomes[:5]))


def _read(
    payload: bytes,
    count: int | None,
    types: bytes,
    long_data: dict[int, bytes],
    *,
    attributes: bool,
) -> Told:
    prepared = Prepared(parameters=count, types=types)
    row = read_execution(payload, prepared, long_data, attributes=attributes)
    rows = read_bulk_execution(payload, Prepared(parameters=count, types=types))
    try:
        return row, rows, statement_position(payload)
    except ValueError:
        return row, rows, None


def _judge(told: Told, size: int) -> None:
    row, rows, position = told
    values = list(row or ()) + [value for row in rows or () for value in row]
    if len(row or ()) > _MOST_VALUES or len(values) > 3 * _MOST_VALUES:
        raise Breach(f"tells {len(values)} values")
    if longest := [value for value in values if value and len(value) > LONGEST_VALUE]:
        raise Breach(f"tells a value of {len(longest[0])} characters")
    if position is not None and not 0 <= position <= size:
        raise Breach(f"finds a statement at {position} of {size} bytes")

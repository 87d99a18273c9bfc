"""What a session's names stand for, beside a plain dictionary that forgets nothing.

A message is an operation: its type says which, its body has the name and the text. All of them are
done again and again, with other names and longer texts, until the bounds are met.
"""

from protocols.api import Side
from protocols.postgres.names import Names
from protocols.postgres.statements import UNKNOWN, Statement
from tests.fuzz.conversation import Conversation
from tests.fuzz.limits import in_time, largest, weigh
from tests.fuzz.postgres.framing import MESSAGES
from tests.fuzz.target import Breach, Checked

_ROUNDS = (1, 3, 300)
_LONGER = (1, 100, 10_000)
_MOST_NAMES, _ROOM, _SHORT_TEXT = 10_000, 4 << 20, 1_000
_MOST_BYTES, _MOST_NAME = 65_536, 63
_EMPTY, _PER_NAME = 65_536, 2 * _SHORT_TEXT
_SECONDS, _SECONDS_PER_MESSAGE, _SECONDS_PER_BYTE = 0.05, 1e-4, 1e-7
_DROPS = b"C3sZ"


def check(conversation: Conversation) -> Checked:
    rounds = _ROUNDS[conversation.dice % 3]
    longer = _LONGER[conversation.dice // 3 % 3]
    messages = MESSAGES.split(conversation.said(Side.CLIENT))
    operations = [(m[:1], *_halves(m[MESSAGES.header :], longer)) for m in messages]
    size = sum(len(text) for _, _, text in operations)
    bound = rounds * (_SECONDS_PER_MESSAGE * len(messages) + _SECONDS_PER_BYTE * size)
    in_time(lambda: _compare(operations, rounds), _SECONDS + bound)
    return Checked(rounds * len(messages), (rounds, longer, len(messages)))


def _halves(body: bytes, longer: int) -> tuple[bytes, bytes]:
    name, _, text = body.partition(b"\0")
    return name[:_MOST_NAME], (text[:_MOST_BYTES] * longer)[:_MOST_BYTES]


def _compare(operations: list[tuple[bytes, bytes, bytes]], rounds: int) -> None:
    names, model = Names(), dict[bytes, bytes]()
    for number in range(rounds):
        for kind, name, text in operations:
            key = b"%b %d" % (name, number)
            if kind in _DROPS:
                names.drop(key)
                model.pop(key, None)
            else:
                model[key] = text
                names.put(key, Statement(bytes(bytearray(text))))
    if largest(names) > _MOST_NAMES or weigh(names) > _EMPTY + _ROOM + _PER_NAME * len(model):
        raise Breach(f"keeps {largest(names)} names in {weigh(names)} bytes")
    for name, text in model.items():
        _judge(names.get(name), text)
        names.drop(name)
    names.put(b"", full := Statement(bytes(_ROOM)))
    if names.get(b"") is not full or names.get(b"gone") is not UNKNOWN:
        raise Breach("there is no room though every name is gone")


def _judge(statement: Statement, text: bytes) -> None:
    """It is whole, or its beginning, or forgotten; and its size is true."""
    if statement is UNKNOWN:
        return
    if statement.text not in (text, text[:_SHORT_TEXT]) or statement.size != len(text):
        raise Breach(f"{text!r} has become {statement!r}")

"""What a session has prepared, beside a plain dictionary that forgets nothing.

A packet is an operation: its first byte says which, the next one has the statement's number, and
the rest is the text or the value. All of them are done again and again, with other numbers and
longer texts, until the bounds are met.
"""

from dataclasses import dataclass

from protocols.api import Side
from protocols.mysql.statements import LAST, MOST_TEXT, Prepared, PreparedStatements, Statement
from tests.fuzz.conversation import Conversation, Step
from tests.fuzz.limits import in_time, largest, weigh
from tests.fuzz.mysql.framing import body, packets_of
from tests.fuzz.target import Breach, Checked
from tests.protocols.mysql.server import packet

_ROUNDS, _LONGER = (1, 3, 300), (1, 100, 10_000)
_MOST_STATEMENTS, _MOST_BYTES, _SHORT_TEXT = 10_000, 65_536, 1_000
_EMPTY, _PER_STATEMENT = 65_536, 2_000
_SECONDS, _SECONDS_PER_MESSAGE, _SECONDS_PER_BYTE = 0.05, 1e-4, 1e-7
_PREPARE, _EXECUTE, _LONG_DATA, _CLOSE, _FORGET = 0x16, 0x17, 0x18, 0x19, 0x1F
_LAST, _REFUSED = 0xFF, 0x00  # as numbers: the last one, and one that upstream does not prepare


def seeds() -> list[Conversation]:
    """Operations that meet the bounds where they are done again and again."""
    long_data = [(_LONG_DATA, _LAST, number) for number in range(8)]
    said = (
        [(_PREPARE, _REFUSED, 0), *long_data],
        [(_FORGET, 0, 0), (_PREPARE, 1, 0), *long_data, (_FORGET, 0, 0), (_EXECUTE, 1, 0)],
        [(_PREPARE, 1, 0), (_CLOSE, 1, 0), *long_data, (_PREPARE, 2, 0), (_CLOSE, 2, 0)],
    )
    return [
        Conversation((Step(Side.CLIENT, b"".join(map(_packet, operations))),), dice=8)
        for operations in said
    ]


def _packet(operation: tuple[int, int, int]) -> bytes:
    return packet(0, bytes(operation) + b"data")


@dataclass(frozen=True, slots=True)
class _Operation:
    command: int
    number: int
    data: bytes


def check(conversation: Conversation) -> Checked:
    rounds, longer = _ROUNDS[conversation.dice % 3], _LONGER[conversation.dice // 3 % 3]
    packets = packets_of(conversation, Side.CLIENT)
    operations = [_operation(body(packet), longer) for packet in packets]
    size = sum(len(operation.data) for operation in operations)
    bound = rounds * (_SECONDS_PER_MESSAGE * len(packets) + _SECONDS_PER_BYTE * size)
    in_time(lambda: _compare(operations, rounds), _SECONDS + bound)
    return Checked(rounds * len(packets), (rounds, longer, len(packets)))


def _operation(said: bytes, longer: int) -> _Operation:
    command, number = (said[place] if len(said) > place else 0 for place in (0, 1))
    return _Operation(command, number, (said[2 : 2 + _MOST_BYTES] * longer)[:_MOST_BYTES])


def _compare(operations: list[_Operation], rounds: int) -> None:
    statements, model = PreparedStatements(), dict[int, str]()
    for number in range(rounds):
        for operation in operations:
            _do(statements, model, operation, number << 8 | operation.number)
    most = _EMPTY + 2 * MOST_TEXT + _PER_STATEMENT * len(model)
    if largest(statements) > _MOST_STATEMENTS or weigh(statements) > most:
        raise Breach(f"keeps {largest(statements)} in {weigh(statements)} bytes")
    for key, text in model.items():
        _judge(statements.get(key), text)
        statements.drop(key)
    _judge_room(statements)


def _do(
    statements: PreparedStatements, model: dict[int, str], operation: _Operation, key: int
) -> None:
    match operation.command:
        case command if command == _CLOSE:
            statements.drop(key)
            model.pop(key, None)
        case command if command == _LONG_DATA:
            parameter = operation.data[0] if operation.data else 0
            number = LAST if operation.number == _LAST else key
            statements.keep_long_data(number, parameter, operation.data)
        case command if command == _EXECUTE:
            statements.take_long_data(statements.get(key))
        case command if command == _FORGET:
            statements.clear()
            model.clear()
        case _:
            text = operation.data.decode("latin-1")
            prepared = Prepared(Statement(text, len(text)), parameters=1)
            statements.ask(prepared)
            if operation.number != _REFUSED:
                model[key] = text
                statements.put(key, prepared)


def _judge(prepared: Prepared | None, text: str) -> None:
    """It is whole, or its beginning, or forgotten; and its size is true."""
    if prepared is None:
        return
    told = prepared.statement
    if told.text not in (text, text[:_SHORT_TEXT]) or told.size != len(text):
        raise Breach(f"{text[:99]!r} has become {told.text[:99]!r}")


def _judge_room(statements: PreparedStatements) -> None:
    """Now that every statement is gone, one may have all the room."""
    text = "x" * MOST_TEXT
    full = Prepared(Statement(text, len(text)), parameters=1)
    statements.ask(full)
    statements.put(0, full)
    for parameter in range(3_000):
        statements.keep_long_data(0, parameter, b"v" * 1_024)
    if full.parameters is None or len(full.statement.text) < MOST_TEXT:
        raise Breach("there is no room though every statement is gone")

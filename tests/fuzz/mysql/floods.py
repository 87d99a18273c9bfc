"""Short conversations that are worth being said again and again. `0000` is counted up."""

from collections.abc import Mapping

from protocols.api import Side
from tests.fuzz.conversation import Conversation, Step
from tests.fuzz.mysql.flood import DIGITS
from tests.protocols.mysql.conversation import (
    EXECUTE_LAST,
    OK,
    answer,
    close_statement,
    command,
    execute,
    failed,
    long_data,
    prepare,
    prepared,
    query,
    result,
    row,
)

_ZERO = int.from_bytes(DIGITS % 0, "little")
_PREPARE, _PREPARED = prepare("INSERT 0000"), prepared(_ZERO, 1)
_EXECUTE = execute(_ZERO, b"\0\1\xfd\0" + b"\x04" + b"0000")

_SAID: Mapping[str, tuple[bytes, ...]] = {
    "queries": (query("SELECT 0000"), result([row(b"0000")])),
    "prepares": (_PREPARE, _PREPARED),
    "prepares_and_runs": (_PREPARE, _PREPARED, _EXECUTE, OK),
    "prepares_and_closes": (_PREPARE, _PREPARED, close_statement(_ZERO), b""),
    "long_data": (_PREPARE, _PREPARED, long_data(_ZERO, 0, b"v" * 50), b""),
    "long_data_of_many": (long_data(1, 0x3030, b"0000"), b""),
    "long_data_of_the_last": (_PREPARE, answer(failed()), long_data(EXECUTE_LAST, 0, b"v"), b""),
    "ahead": (query("SELECT 0000"), b""),
    "long_data_behind_resets": (
        command(b"\x1f") + _PREPARE + long_data(EXECUTE_LAST, 0, b"v" * 50),
        OK + _PREPARED,
        execute(_ZERO),
        OK,
    ),
    "resets": (_PREPARE, _PREPARED, command(b"\x1f"), OK),
    "says_nothing_but_packets": (b"", OK),
}


def floods() -> list[Conversation]:
    """What the client says and what upstream says, in turn."""
    return [
        Conversation(tuple(Step(_SIDES[i % 2], data) for i, data in enumerate(said) if data))
        for said in _SAID.values()
    ]


_SIDES = (Side.CLIENT, Side.UPSTREAM)

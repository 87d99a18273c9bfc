"""What a client asks after login, as far as the audit must know it to read upstream's answers.

Source: "Command Phase" in MySQL's documentation, and MariaDB's where it has commands of its own.
"""

from collections import deque
from collections.abc import Callable, Collection, Mapping
from enum import IntEnum

from protocols.mysql.capabilities import Agreed, Capability
from protocols.mysql.packets import text
from protocols.mysql.statements import UNKNOWN, Prepared


class Command(IntEnum):
    """MySQL's names less COM_: a command's first byte."""

    SLEEP = 0x00
    QUIT = 0x01
    INIT_DB = 0x02
    QUERY = 0x03
    FIELD_LIST = 0x04
    CREATE_DB = 0x05
    DROP_DB = 0x06
    REFRESH = 0x07
    SHUTDOWN = 0x08
    STATISTICS = 0x09
    PROCESS_INFO = 0x0A
    PROCESS_KILL = 0x0C
    DEBUG = 0x0D
    PING = 0x0E
    CHANGE_USER = 0x11
    BINLOG_DUMP = 0x12
    TABLE_DUMP = 0x13
    REGISTER_SLAVE = 0x15
    STMT_PREPARE = 0x16
    STMT_EXECUTE = 0x17
    STMT_SEND_LONG_DATA = 0x18
    STMT_CLOSE = 0x19
    STMT_RESET = 0x1A
    SET_OPTION = 0x1B
    STMT_FETCH = 0x1C
    BINLOG_DUMP_GTID = 0x1E
    RESET_CONNECTION = 0x1F
    CLONE = 0x20
    STMT_BULK_EXECUTE = 0xFA  # MariaDB's
    SEMI_SYNC_ACK = 0xEF  # what a replica says between a binary log's events


REPLICATION = frozenset(
    {
        Command.BINLOG_DUMP,
        Command.BINLOG_DUMP_GTID,
        Command.TABLE_DUMP,
        Command.REGISTER_SLAVE,
        Command.SEMI_SYNC_ACK,
    }
)
"""For replicas only."""

UNANSWERED = frozenset(
    {
        Command.QUIT,
        Command.STMT_CLOSE,
        Command.STMT_SEND_LONG_DATA,
    }
)

UNANSWERED_OF_REPLICAS = UNANSWERED | {Command.SEMI_SYNC_ACK}

TEXTS = frozenset({Command.QUERY, Command.STMT_PREPARE})
"""They have a statement's text in them."""

EXECUTIONS = frozenset({Command.STMT_EXECUTE, Command.STMT_BULK_EXECUTE, Command.STMT_FETCH})
"""They run a prepared statement, or go on with it."""

UNTOLD = frozenset({Command.PING, Command.STATISTICS, Command.STMT_RESET})
"""They read and change nothing."""


def among(commands: Collection[int]) -> bytes:
    """What is quicker to ask than a set: by a command's byte, whether it is one of these."""
    return bytes(number in commands for number in range(256))


class Request:
    """One command that waits for its answer, and what the answer has said so far.

    `sequence` is the number of the last packet of the command itself, or of what the client was
    asked for because of it. `values` is a statement's execution as it came, if it is to be told;
    None: there was no room for it.
    """

    __slots__ = (
        "affected_rows",
        "answering",
        "command",
        "detail",
        "error",
        "loaded_bytes",
        "long_data",
        "number",
        "prepared",
        "rows",
        "sequence",
        "sqlstate",
        "started",
        "statement",
        "values",
        "warnings",
    )

    def begin(self, command: int, started: float, sequence: int) -> None:
        self.command = command
        self.started = started
        self.sequence = sequence
        self.detail = ""
        self.statement = UNKNOWN
        self.number = 0  # of a prepared statement
        self.prepared: Prepared | None = None
        self.values: bytes | None = b""
        self.long_data: Mapping[int, bytes] | None = None
        self.answering = False
        self.rows = 0
        self.affected_rows = 0
        self.warnings = 0
        self.loaded_bytes = 0
        self.error: int | None = None
        self.sqlstate: str | None = None


class Pending:
    """The requests that wait for their answers, in their order. Mostly it is one."""

    __slots__ = ("_others", "count", "first")

    def __init__(self) -> None:
        self.first: Request | None = None
        self.count = 0
        self._others: deque[Request] = deque()

    def add(self, request: Request) -> None:
        if self.first is None:
            self.first = request
        else:
            self._others.append(request)
        self.count += 1

    def take(self) -> Request:
        """The first, which must be there."""
        request = self.first
        assert request is not None
        self.first = self._others.popleft() if self.count > 1 else None
        self.count -= 1
        return request


_NAMES = {command.value: f"COM_{command.name}" for command in Command}


def command_name(command: int) -> str:
    return _NAMES.get(command) or f"command {command:#04x}"


NO_ATTRIBUTES = b"\0\1"
"""Of a COM_QUERY, in a session that has query attributes: none of them, in one set."""

_LONGEST_DETAIL = 1_024


def query(statement: bytes, agreed: Agreed) -> bytes:
    """A COM_QUERY of ours."""
    has_attributes = Capability.QUERY_ATTRIBUTES in agreed.capabilities
    return bytes((Command.QUERY,)) + (NO_ATTRIBUTES if has_attributes else b"") + statement


def _number(body: bytes) -> str:
    return str(int.from_bytes(body[1:5], "little"))


def _name(body: bytes) -> str:
    return text(body[1:].partition(b"\0")[0])


def _position(body: bytes) -> str:
    return f"{text(body[11:])} from {_number(body)}"


_DETAILS: Mapping[int, Callable[[bytes], str]] = {
    Command.INIT_DB: _name,
    Command.CREATE_DB: _name,
    Command.DROP_DB: _name,
    Command.CHANGE_USER: _name,
    Command.FIELD_LIST: _name,
    Command.REFRESH: _number,
    Command.PROCESS_KILL: _number,
    Command.SET_OPTION: _number,
    Command.REGISTER_SLAVE: _number,
    Command.BINLOG_DUMP: _position,
}


def detail(command: int, body: bytes) -> str:
    """What a command that is no statement is about: a name, or a number."""
    read = _DETAILS.get(command)
    return read(body)[:_LONGEST_DETAIL] if read else ""

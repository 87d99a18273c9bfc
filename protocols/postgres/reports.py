"""What the audit is told of a session's statements."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from json.encoder import encode_basestring_ascii as escaped
from typing import ClassVar

from protocols.api import Clock, Emit
from protocols.octets import quoted
from protocols.postgres.frames import Copied
from protocols.postgres.requests import Request
from protocols.postgres.statements import Statement
from protocols.postgres.values import readable

_NULL, _TRUE, _FALSE = "null", "true", "false"
_NOT_TOLD = ',"statement_sha256":null,"parameters":null,"parameters_cut":null'
_STATES = {"idle": '"idle"', "in": '"in"', "failed": '"failed"'}
_PROTOCOLS = {"Q": "simple", "F": "function", "S": "sync"}


@dataclass
class PostgresQuery:
    """One statement that a client ran, or tried to; its text is cut at 64 KiB.

    `statement_sha256` is told of a text that is cut and says no password, `parameters` where the
    role asks for them. `transaction` is idle, in or failed: its state once upstream had answered,
    and None in the middle of a batch.
    """

    name = "postgres.query"
    statement: str
    statement_bytes: int
    statement_sha256: str | None
    parameters: tuple[str | None, ...] | None
    parameters_cut: Mapping[str, int] | None  # whole sizes by number; count, if some are left out
    protocol: str  # simple, extended, function; sync, where what was run could not be committed
    commands: tuple[str, ...]  # the first hundred of a query's, with their rows
    rows: int
    copied_bytes: int
    duration_ms: float
    sqlstate: str | None  # None: upstream reported no error
    transaction: str | None
    finished: bool

    def json_fields(self) -> str:
        microseconds = int(self.duration_ms * 1000 + 0.5)
        state = self.transaction
        return (
            f'"statement":{quoted(self.statement)},"statement_bytes":{self.statement_bytes}'
            f'{self._seldom_told()},"protocol":"{self.protocol}","commands":[{self._ran()}]'
            f',"rows":{self.rows},"copied_bytes":{self.copied_bytes}'
            f',"duration_ms":{microseconds // 1000}.{microseconds % 1000:03d}'
            f',"sqlstate":{_NULL if self.sqlstate is None else escaped(self.sqlstate)}'
            f',"transaction":{_NULL if state is None else _STATES[state]}'
            f',"finished":{_TRUE if self.finished else _FALSE}'
        )

    def _ran(self) -> str:
        if len(self.commands) == 1:
            return quoted(self.commands[0])
        return ",".join([quoted(command) for command in self.commands])

    def _seldom_told(self) -> str:
        digest, parameters, cut = self.statement_sha256, self.parameters, self.parameters_cut
        if digest is None and parameters is None and cut is None:
            return _NOT_TOLD
        return (
            f',"statement_sha256":{_NULL if digest is None else escaped(digest)}'
            f',"parameters":{_NULL if parameters is None else json.dumps(parameters)}'
            f',"parameters_cut":{_NULL if cut is None else json.dumps(cut)}'
        )


@dataclass(slots=True)
class PostgresPrepare:
    """A statement that a client gave a name to, in its session; its text is cut at 64 KiB."""

    name: ClassVar[str] = "postgres.prepare"
    statement_name: str
    statement: str
    statement_bytes: int
    statement_sha256: str | None


@dataclass(slots=True)
class PostgresStream:
    """A statement has begun to copy both ways, as replication does for days; its own event comes
    when it ends."""

    name: ClassVar[str] = "postgres.stream"
    statement: str


class Reports:
    """Makes events of requests."""

    def __init__(self, emit: Emit, clock: Clock, copied: Copied) -> None:
        self._emit = emit
        self._clock = clock
        self._copied = copied

    def query(
        self, request: Request, transaction: str | None = None, finished: bool = True
    ) -> None:
        """Tell of a request that has come to its end."""
        # Compiled, to set a field takes a tenth of the time that passing an argument takes.
        event = PostgresQuery.__new__(PostgresQuery)
        event.protocol = _PROTOCOLS.get(request.kind, "extended")
        event.commands = request.commands
        event.rows = request.rows
        event.copied_bytes = self._copied.tell()
        event.sqlstate = request.sqlstate
        self._tell(event, request.statement, request.started, transaction, finished)

    def ran(
        self,
        statement: Statement,
        protocol: str,
        ended: tuple[str, int],
        since: float,
        transaction: str,
    ) -> None:
        """Tell of one command with its rows, that was whole and had no error."""
        event = PostgresQuery.__new__(PostgresQuery)
        event.protocol = protocol
        event.commands = ended[:1]
        event.rows = ended[1]
        event.copied_bytes = 0
        event.sqlstate = None
        self._tell(event, statement, since, transaction, True)

    def _tell(
        self,
        event: PostgresQuery,
        statement: Statement,
        since: float,
        transaction: str | None,
        finished: bool,
    ) -> None:
        event.statement = statement.told
        event.statement_sha256 = event.parameters = event.parameters_cut = None
        if statement.whole is None and statement.parameters is None:
            event.statement_bytes = len(statement.text)
        else:
            self._tell_more(event, statement)
        microseconds = int((self._clock() - since) * 1_000_000 + 0.5)
        event.duration_ms = microseconds / 1000.0
        event.transaction = transaction
        event.finished = finished
        self._emit(event)

    def _tell_more(self, event: PostgresQuery, statement: Statement) -> None:
        """Of a text that is cut, and of parameters."""
        event.statement_bytes = statement.size
        event.statement_sha256 = statement.digest
        if statement.parameters is not None:
            event.parameters = statement.parameters_told
            event.parameters_cut = statement.parameters.cut

    def prepared(self, name: bytes, statement: Statement) -> None:
        self._emit(
            PostgresPrepare(readable(name), statement.told, statement.size, statement.digest)
        )

    def streaming(self, statement: Statement) -> None:
        self._emit(PostgresStream(statement.told))

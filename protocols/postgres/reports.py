"""What the audit is told of a session's statements."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from protocols.api import Clock, Emit
from protocols.postgres.frames import Copied
from protocols.postgres.requests import Request
from protocols.postgres.statements import Statement
from protocols.postgres.values import readable

_PROTOCOLS = {"Q": "simple", "F": "function", "S": "sync"}


@dataclass(slots=True)
class PostgresQuery:
    """One statement that a client ran, or tried to; its text is cut at 64 KiB.

    `statement_sha256` is told of a text that is cut and says no password, `parameters` where the
    role asks for them. `transaction` is idle, in or failed: its state once upstream had answered,
    and None in the middle of a batch.
    """

    name: ClassVar[str] = "postgres.query"
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
        statement = request.statement
        self._emit(
            PostgresQuery(  # by position, for this is done for each statement and names cost time
                statement.told,
                statement.size,
                statement.digest,
                statement.parameters_told,
                None if statement.parameters is None else statement.parameters.cut,
                _PROTOCOLS.get(request.kind, "extended"),
                request.commands,
                request.rows,
                self._copied.tell(),
                round((self._clock() - request.started) * 1000, 3),
                request.sqlstate,
                transaction,
                finished,
            )
        )

    def prepared(self, name: bytes, statement: Statement) -> None:
        self._emit(
            PostgresPrepare(readable(name), statement.told, statement.size, statement.digest)
        )

    def streaming(self, statement: Statement) -> None:
        self._emit(PostgresStream(statement.told))

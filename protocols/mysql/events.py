"""What the audit is told of a MySQL session, made of what was asked and answered."""

from dataclasses import dataclass
from typing import ClassVar

from protocols.mysql.commands import Command, Request, command_name
from protocols.mysql.packets import raw
from protocols.mysql.parameters import Values, read_bulk_execution, read_execution
from protocols.mysql.redaction import says_password

_HIDDEN = "***"


@dataclass(slots=True)
class MysqlQuery:
    """One statement that a client ran, or tried to; its text is cut at 64 KiB.

    `statement_sha256` is that of all of it where it is cut and not redacted. `parameters` are told
    where the role says so, a row of them each in a bulk execution.
    """

    name: ClassVar[str] = "mysql.query"
    statement: str
    statement_bytes: int
    statement_sha256: str | None
    protocol: str  # text or prepared
    command: str
    parameters: Values | tuple[Values, ...] | None
    rows: int
    affected_rows: int
    warnings: int
    loaded_bytes: int  # of the client's own file
    duration_ms: float
    error_code: int | None  # None: upstream reported no error
    sqlstate: str | None
    finished: bool


@dataclass(slots=True)
class MysqlPrepare:
    """A statement that upstream has prepared; its text is cut at 64 KiB."""

    name: ClassVar[str] = "mysql.prepare"
    statement_id: int
    statement: str
    statement_bytes: int
    statement_sha256: str | None
    parameters: int


@dataclass(slots=True)
class MysqlCommand:
    """A command that is no statement. `detail` is what it names: a database, a thread, ..."""

    name: ClassVar[str] = "mysql.command"
    command: str
    detail: str
    duration_ms: float
    error_code: int | None
    sqlstate: str | None
    finished: bool


def query_event(
    request: Request, duration_ms: float, finished: bool, *, attributes: bool
) -> MysqlQuery:
    """`attributes`: whether this session has query attributes."""
    statement = request.statement
    return MysqlQuery(
        statement=statement.text,
        statement_bytes=statement.size,
        statement_sha256=statement.digest,
        protocol="text" if request.command == Command.QUERY else "prepared",
        command=command_name(request.command),
        parameters=None if request.values == b"" else _parameters(request, attributes),
        rows=request.rows,
        affected_rows=request.affected_rows,
        warnings=request.warnings,
        loaded_bytes=request.loaded_bytes,
        duration_ms=duration_ms,
        error_code=request.error,
        sqlstate=request.sqlstate,
        finished=finished,
    )


def command_event(request: Request, duration_ms: float, finished: bool) -> MysqlCommand:
    return MysqlCommand(
        command=command_name(request.command),
        detail=request.detail,
        duration_ms=duration_ms,
        error_code=request.error,
        sqlstate=request.sqlstate,
        finished=finished,
    )


def _parameters(request: Request, attributes: bool) -> Values | tuple[Values, ...] | None:
    assert request.prepared is not None
    if request.values is None:
        request.prepared.types = b""  # which the next execution may count on
        return None
    values: Values | tuple[Values, ...] | None
    if request.command == Command.STMT_BULK_EXECUTE:
        values = read_bulk_execution(request.values, request.prepared)
    else:
        values = read_execution(
            request.values, request.prepared, request.long_data or {}, attributes=attributes
        )
    secret = values is not None and says_password(raw(request.statement.text))
    return (_HIDDEN,) * len(values) if secret and values else values

"""What client and server say after login, as bytes, and a tap that watches them say it."""

import struct
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from protocols.api import Event, Flow
from protocols.postgres.login import PostgresOptions
from protocols.postgres.reports import PostgresPrepare, PostgresQuery, PostgresStream
from protocols.postgres.tap import PostgresTap
from tests.protocols.postgres.server import error, role
from tests.wire import message, query

__all__ = ["Watched", "message", "query"]

SYNC = message(b"S")
FLUSH = message(b"H")
COPY_DONE = message(b"c")
TERMINATE = message(b"X")

PARSED = message(b"1")
BOUND = message(b"2")
CLOSED = message(b"3")
NO_DATA = message(b"n")
SUSPENDED = message(b"s")
EMPTY = message(b"I")
READY = message(b"Z", b"I")
IN_TRANSACTION = message(b"Z", b"T")
FAILED = message(b"Z", b"E")
COLUMNS = message(b"T", struct.pack(">h", 1) + b"a\0" + bytes(18))
COPY_IN = message(b"G", b"\0\0\1\0\0")
COPY_OUT = message(b"H", b"\0\0\1\0\0")
ASYNCHRONOUS = (
    message(b"N", b"SNOTICE\0C00000\0Mhello\0\0")
    + message(b"A", b"\0\0\0\1channel\0payload\0")
    + message(b"S", b"TimeZone\0UTC\0")
)


def parse(sql: str, name: bytes = b"", types: int = 0) -> bytes:
    counted = struct.pack(">h", types) + b"\0\0\0\x17" * types
    return message(b"P", name + b"\0" + sql.encode() + b"\0" + counted)


def bind(portal: bytes = b"", statement: bytes = b"") -> bytes:
    return message(b"B", portal + b"\0" + statement + b"\0" + bytes(6))


def values(formats: tuple[int, ...], *parameters: bytes | None) -> bytes:
    """The parameters of a Bind or function call."""
    counts = struct.pack(f">{len(formats) + 2}H", len(formats), *formats, len(parameters))
    return counts + b"".join(
        struct.pack(">i", -1 if value is None else len(value)) + (value or b"")
        for value in parameters
    )


def bind_to(
    *parameters: bytes | None, formats: tuple[int, ...] = (), statement: bytes = b""
) -> bytes:
    """A Bind of the unnamed portal to these."""
    return message(b"B", b"\0" + statement + b"\0" + values(formats, *parameters) + bytes(2))


def execute(portal: bytes = b"", limit: int = 0) -> bytes:
    return message(b"E", portal + b"\0" + struct.pack(">i", limit))


def describe(kind: bytes, name: bytes = b"") -> bytes:
    return message(b"D", kind + name + b"\0")


def close(kind: bytes, name: bytes = b"") -> bytes:
    return message(b"C", kind + name + b"\0")


def extended(sql: str) -> bytes:
    """A statement in the extended protocol, without its Sync."""
    return parse(sql) + bind() + execute()


def copy_data(data: bytes) -> bytes:
    return message(b"d", data)


def copy_fail(why: str = "no more") -> bytes:
    return message(b"f", why.encode() + b"\0")


def row(value: bytes) -> bytes:
    return message(b"D", struct.pack(">hi", 1, len(value)) + value)


def complete(tag: str) -> bytes:
    return message(b"C", tag.encode() + b"\0")


def failed(code: str = "42601", severity: str = "ERROR") -> bytes:
    return error(code, "no", severity)


def done(tag: str, *rows: bytes) -> bytes:
    """The server's answers to `extended`."""
    return PARSED + BOUND + b"".join(map(row, rows)) + complete(tag)


FLOW = Flow(b"", b"", None, {})


@dataclass
class Watched:
    """A tap, what it told, and its clock. It is shown chunks of `cut` bytes."""

    cut: int = 1 << 30
    parameters: bool = False
    now: float = 0.0
    events: list[PostgresQuery] = field(default_factory=list)
    prepared: list[PostgresPrepare] = field(default_factory=list)
    streams: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        login = role(options=PostgresOptions(audit_parameters=self.parameters))
        self.tap = PostgresTap(self._emit, lambda: self.now, login.without_credentials(), FLOW)

    def client(self, data: bytes) -> None:
        for chunk in self._chunks(data):
            self.tap.client_sent(chunk)

    def upstream(self, data: bytes) -> None:
        for chunk in self._chunks(data):
            self.tap.upstream_sent(chunk)

    @property
    def told(self) -> list[PostgresQuery]:
        """The events without how long they took, and without how the transaction stood then."""
        return [replace(event, duration_ms=0.0, transaction=None) for event in self.events]

    def _emit(self, event: Event) -> None:
        match event:
            case PostgresPrepare():
                self.prepared.append(event)
            case PostgresStream():
                self.streams.append(event.statement)
            case PostgresQuery():
                self.events.append(event)

    def _chunks(self, data: bytes) -> Iterable[memoryview]:
        """Each in memory of its own that is overwritten after it was shown."""
        for start in range(0, len(data), self.cut):
            piece = bytearray(data[start : start + self.cut])
            yield memoryview(piece)
            piece[:] = b"\xff" * len(piece)


def ran(statement: str, *commands: str, **more: object) -> PostgresQuery:
    """The event of a statement: extended, finished and without an error, unless `more` differs."""
    event = PostgresQuery(
        statement=statement,
        statement_bytes=len(statement.encode()),
        statement_sha256=None,
        parameters=None,
        parameters_cut=None,
        protocol="extended",
        commands=commands,
        rows=0,
        copied_bytes=0,
        duration_ms=0.0,
        sqlstate=None,
        transaction=None,
        finished=True,
    )
    return replace(event, **more)  # type: ignore[arg-type]

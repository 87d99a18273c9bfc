"""What a session's bytes meant: which statement ran, how long, with how many rows and what code.

Requests and answers are paired in order, as the protocol promises: every message that is answered
waits in a queue for its answer, and after an error everything up to Sync is skipped. A statement
or portal exists once upstream has said so. Source: "Message Flow: Extended Query, Pipelining, COPY
Operations", and PostgreSQL's postgres.c and copyfromparse.c where the text is silent.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

from protocols.api import Clock, Emit, Flow
from protocols.errors import ClientProtocolError, Refusal, ServerProtocolError
from protocols.postgres.frames import KEPT, Frames, Handlers
from protocols.postgres.login import PostgresLogin
from protocols.postgres.messages import ErrorResponse
from protocols.postgres.names import Names, fit
from protocols.postgres.redaction import redact
from protocols.postgres.refusals import error_response
from protocols.postgres.requests import (
    ANSWERED,
    Request,
    first_string,
    read_request,
    readable,
)

_MAX_COMMANDS = 100
_MAX_SUSPENDED = 10_000
# Requests that a client may send ahead of their answers. Upstream keeps up to 8 KiB of answers to
# itself, which is 1,638 of the shortest: with more room than that, both sides always get on.
_MAX_PENDING = 10_000
_PENDING_AGAIN = 5_000


@dataclass(slots=True)
class PostgresQuery:
    """One statement that a client ran, or tried to; its text is cut at 64 KiB."""

    name: ClassVar[str] = "postgres.query"
    statement: str
    statement_bytes: int
    protocol: str  # simple, extended or function
    commands: tuple[str, ...]  # the first hundred of a query's
    rows: int
    copied_bytes: int
    duration_ms: float
    sqlstate: str | None  # None: upstream reported no error
    finished: bool


@dataclass(slots=True)
class PostgresPrepare:
    """A statement that a client gave a name to, in its session; its text is cut at 64 KiB."""

    name: ClassVar[str] = "postgres.prepare"
    statement_name: str
    statement: str


class PostgresTap:
    """Watches one session."""

    def __init__(self, emit: Emit, clock: Clock, login: PostgresLogin, flow: Flow) -> None:
        self._emit = emit
        self._clock = clock
        self._client = Frames(self, _REQUESTS, ClientProtocolError("invalid message length"))
        self._upstream = Frames(
            self, _ANSWERS, ServerProtocolError("upstream sent an invalid message length")
        )
        self._pending: deque[Request] = deque()
        self._statements = Names()
        self._portals = Names()
        self._suspended: dict[bytes, Request] = {}
        self._copies_ended = 0
        self._copied_told = 0  # bytes of copy data that are in a report, or belong to nothing
        self._skipping = False  # upstream passes over what the client sends, up to a Sync
        self._pending_text = 0
        self._was_full = False
        self._goodbye_said = False  # Terminate, or a fatal error

    def client_sent(self, chunk: memoryview) -> None:
        self._client.feed(chunk)

    def upstream_sent(self, chunk: memoryview) -> None:
        self._upstream.feed(chunk)

    def last_words(self, refusal: Refusal) -> bytes:
        if self._goodbye_said or not self._upstream.at_boundary:
            return b""
        return error_response(refusal)

    @property
    def full(self) -> bool:
        limit = _PENDING_AGAIN if self._was_full else _MAX_PENDING
        self._was_full = len(self._pending) >= limit
        return self._was_full

    @property
    def busy(self) -> bool:
        return bool(self._pending) and not self._goodbye_said

    def close(self) -> None:
        """Report what never ended. Upstream may not yet have told us of what went before it."""
        for request in self._pending:
            match request.kind:
                case "P":
                    self._statements.put(request.name, request.statement)
                case "B":
                    self._drop_portal(request.name)
                    self._portals.put(request.name, self._statements.get(request.source))
                case "E":
                    self._resume(request)
            if request.kind in "QEF":
                self._report(request, finished=False)
        for begun in self._suspended.values():
            self._report(begun, finished=False)
        self._pending.clear()
        self._suspended.clear()

    # -- the client's requests ------------------------------------------------------------------

    def _asked(self, kind: str, body: bytes, size: int) -> None:
        if self._skipping and kind != "S":
            return
        self._skipping = False
        if not self._pending:
            self._copied_told = self._copied
            self._pending_text = 0
        request = read_request(kind, body, size, self._clock(), self._copies_ended)
        request.statement = fit(request.statement, self._pending_text)
        self._pending_text += len(request.statement.text)
        self._pending.append(request)

    def _copy_ended(self, *_: object) -> None:
        self._copies_ended += 1

    def _terminate(self, *_: object) -> None:
        self._goodbye_said = True

    # -- upstream's answers ---------------------------------------------------------------------

    def _next(self, kinds: str) -> Request | None:
        """The request that is being answered, if it is of one of these kinds."""
        return self._pending[0] if self._pending and self._pending[0].kind in kinds else None

    def _answered(self, kind: str) -> Request | None:
        return self._pending.popleft() if self._next(kind) else None

    def _parse_complete(self, *_: object) -> None:
        if request := self._answered("P"):
            self._statements.put(request.name, request.statement)
            if request.name:  # SQL's EXECUTE may run it, and says its name only
                statement = redact(request.statement.text)
                self._emit(PostgresPrepare(readable(request.name), statement))

    def _bind_complete(self, *_: object) -> None:
        if request := self._answered("B"):
            self._drop_portal(request.name)
            self._portals.put(request.name, self._statements.get(request.source))

    def _close_complete(self, *_: object) -> None:
        if request := self._answered("C"):
            if request.name[:1] == b"S":
                self._statements.drop(request.name[1:])
            else:
                self._drop_portal(request.name[1:])

    def _described(self, *_: object) -> None:
        self._answered("D")

    def _function_called(self, *_: object) -> None:
        if request := self._next("F"):
            request.answered = True

    def _command_complete(self, tag: bytes, _: int) -> None:
        if request := self._next("QE"):
            if len(request.commands) < _MAX_COMMANDS:
                request.commands.append(first_string(tag))
            count = tag.rstrip(b"\0").rpartition(b" ")[2]
            request.rows += int(count) if count.isdigit() and len(count) < 20 else 0
            self._executed(request)

    def _empty_query(self, *_: object) -> None:
        if request := self._next("QE"):
            self._executed(request)

    def _executed(self, request: Request) -> None:
        """An Execute ends with its command; a Query may hold several, and ends with its Z."""
        request.answered = True
        if request.kind == "Q":
            return
        self._pending.popleft()
        self._forget_ignored_syncs(request)
        self._resume(request)
        self._report(request)

    def _resume(self, request: Request) -> None:
        """Find what an Execute runs, and count in what it ran before it was suspended."""
        request.statement = self._portals.get(request.name)
        if begun := self._suspended.pop(request.name, None):
            request.started = begun.started
            request.rows += begun.rows

    def _portal_suspended(self, *_: object) -> None:
        """The next Execute of the portal goes on with this one's run."""
        if request := self._answered("E"):
            self._resume(request)
            request.rows += request.row_limit
            self._suspended[request.name] = request
            if len(self._suspended) > _MAX_SUSPENDED:  # the one that waits longest is told as it is
                self._report(self._suspended.pop(next(iter(self._suspended))))

    def _copy_in(self, *_: object) -> None:
        if request := self._next("QE"):
            request.copies_begun += 1

    def _forget_ignored_syncs(self, copy: Request) -> None:
        """Upstream ignores a Sync while it takes copy data: one sent before the data's end."""
        end = copy.copies_before + copy.copies_begun
        ignored = None
        while self._pending and self._pending[0].kind == "S":
            if self._pending[0].copies_before >= end:
                return
            ignored = self._pending.popleft()
        if ignored and self._pending and self._pending[0].copies_before < end:
            # Nothing else may come before the data's end: the copy had failed by then.
            self._pending.appendleft(ignored)

    def _error(self, body: bytes, _: int) -> None:
        if len(body) == KEPT:  # its last field may be cut
            body = body.rstrip(b"\0").rpartition(b"\0")[0] + b"\0\0"
        try:
            error = ErrorResponse.decode(body)
        except ValueError:
            raise ServerProtocolError("upstream sent a malformed error") from None
        if error.field("V") in ("FATAL", "PANIC"):
            self._goodbye_said = True
        if not self._pending:
            return
        failed = self._pending[0]
        failed.sqlstate = error.field("C")
        failed.answered = True
        if failed.kind not in "QFS":
            self._pending.popleft()
            self._forget_ignored_syncs(failed)
            self._report_failed(failed)
            while self._pending and self._pending[0].kind != "S":
                self._pending.popleft()
            self._skipping = not self._pending

    def _report_failed(self, request: Request) -> None:
        if request.kind == "E":
            self._resume(request)
        elif request.kind == "B":
            request.statement = self._statements.get(request.source)
        if request.kind in "EBP":
            self._report(request)

    def _ready_for_query(self, status: bytes, _: int) -> None:
        self._skipping = False
        head = self._next("QFS")
        if head and (head.kind == "S" or head.answered):  # else it is of a Sync that was forgotten
            self._pending.popleft()
            if head.kind != "S":
                self._forget_ignored_syncs(head)
                self._report(head)
        if status == b"I" and (self._portals or self._suspended):  # they end with the transaction
            for name in (*self._portals, *self._suspended):
                self._drop_portal(name)

    def _drop_portal(self, name: bytes) -> None:
        self._portals.drop(name)
        if begun := self._suspended.pop(name, None):
            self._report(begun)

    # -- reports --------------------------------------------------------------------------------

    @property
    def _copied(self) -> int:
        return self._client.copied + self._upstream.copied

    def _report(self, request: Request, *, finished: bool = True) -> None:
        copied, self._copied_told = self._copied - self._copied_told, self._copied
        self._emit(
            PostgresQuery(
                statement=redact(request.statement.text),
                statement_bytes=request.statement.size,
                protocol={"Q": "simple", "F": "function"}.get(request.kind, "extended"),
                commands=tuple(request.commands),
                rows=request.rows,
                copied_bytes=copied,
                duration_ms=round((self._clock() - request.started) * 1000, 3),
                sqlstate=request.sqlstate,
                finished=finished,
            )
        )


def _asker(kind: str) -> Callable[[PostgresTap, bytes, int], None]:
    return lambda tap, body, size: tap._asked(kind, body, size)


_REQUESTS: Handlers[PostgresTap] = {
    **{kind: _asker(chr(kind)) for kind in ANSWERED},
    ord("c"): PostgresTap._copy_ended,
    ord("f"): PostgresTap._copy_ended,
    ord("X"): PostgresTap._terminate,
}
_ANSWERS: Handlers[PostgresTap] = {
    ord("1"): PostgresTap._parse_complete,
    ord("2"): PostgresTap._bind_complete,
    ord("3"): PostgresTap._close_complete,
    ord("n"): PostgresTap._described,
    ord("T"): PostgresTap._described,
    ord("V"): PostgresTap._function_called,
    ord("C"): PostgresTap._command_complete,
    ord("I"): PostgresTap._empty_query,
    ord("s"): PostgresTap._portal_suspended,
    ord("E"): PostgresTap._error,
    ord("Z"): PostgresTap._ready_for_query,
    ord("G"): PostgresTap._copy_in,
}

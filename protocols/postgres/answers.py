"""What upstream's answers mean: which statement ran, with how many rows and what code.

An answer is to the request that has waited longest. A statement or portal exists once upstream has
said so.
"""

from functools import lru_cache

from protocols.errors import ServerProtocolError
from protocols.postgres.frames import KEPT, Receiver
from protocols.postgres.messages import ErrorResponse
from protocols.postgres.reports import Reports
from protocols.postgres.requests import Request
from protocols.postgres.runs import Runs
from protocols.postgres.values import readable
from protocols.postgres.waiting import Waiting

_MAX_COMMANDS = 100
_TAG_BYTES = 64  # as many as PostgreSQL makes them of
_BIND_COMPLETE, _COMMAND_COMPLETE, _ERROR = ord("2"), ord("C"), ord("E")
_PARSE_COMPLETE, _READY_FOR_QUERY = ord("1"), ord("Z")
_DESCRIBED = b"Tn"
_TRANSACTION = {b"I": "idle", b"T": "in", b"E": "failed"}


class Answers(Receiver):
    """Pairs them with what waits, and has every end reported. `fatal`: upstream said goodbye."""

    def __init__(self, waiting: Waiting, reports: Reports, *, parameters: bool) -> None:
        super().__init__(told=b"123nTVIsGW", shown=b"CZEt" if parameters else b"CZE")
        self.fatal = False
        self._waiting = waiting
        self._reports = reports
        self.runs = Runs(reports)
        self._held: Request | None = None  # has run, but the Sync behind it may still fail

    def take(self, kind: int, body: bytes, size: int) -> None:
        if kind == _COMMAND_COMPLETE:
            self._command_complete(body)
        elif kind == _READY_FOR_QUERY:
            self._ready_for_query(body)
        elif kind in _DESCRIBED:
            self._waiting.answered("D")
        elif kind == _BIND_COMPLETE:
            self._bind_complete()
        elif kind == _PARSE_COMPLETE:
            self._parse_complete()
        elif kind == _ERROR:
            self._error(body)
        else:
            self._take_rare(kind, body)

    def _take_rare(self, kind: int, body: bytes) -> None:
        match chr(kind):
            case "3":
                self._close_complete()
            case "t":
                self._parameters_described(body)
            case "V":
                self._function_called()
            case "I":
                self._empty_query()
            case "s":
                self._portal_suspended()
            case "G":
                self._copy_in()
            case "W":
                self._copy_both()

    def close(self) -> None:
        """Report what never ended. Upstream may not yet have told us of what went before it."""
        if self._held is not None:
            self._reports.query(self._held, None, finished=False)
            self._held = None
        for request in self._waiting.pending:
            if request.kind == "P":
                self.runs.prepare(request)
            elif request.kind == "B":
                self.runs.bind(request)
            elif request.kind == "E":
                self.runs.resume(request)
            if request.kind in "QEF":
                self._reports.query(request, None, finished=False)
        self._waiting.pending.clear()
        self.runs.abandon()

    # -- statements and portals -----------------------------------------------------------------

    def _parse_complete(self) -> None:
        if request := self._waiting.answered("P"):
            self.runs.prepare(request)
            if request.name:  # SQL's EXECUTE may run it, and says its name only
                self._reports.prepared(request.name, request.statement)

    def _bind_complete(self) -> None:
        if request := self._waiting.answered("B"):
            self.runs.bind(request)

    def _close_complete(self) -> None:
        if request := self._waiting.answered("C"):
            self.runs.close(request.name)

    def _parameters_described(self, types: bytes) -> None:
        """A statement's; its rows are described next."""
        if request := self._waiting.answering("D"):
            self.runs.describe(request.name[1:], types)

    # -- runs -----------------------------------------------------------------------------------

    def _function_called(self) -> None:
        if request := self._waiting.answering("F"):
            request.answered = True

    def _command_complete(self, tag: bytes) -> None:
        if request := self._waiting.answering("QE"):
            command, rows = read_tag(tag if len(tag) <= _TAG_BYTES else tag[:_TAG_BYTES])
            request.rows += rows
            if not request.commands:
                request.commands = (command,)
            elif len(request.commands) < _MAX_COMMANDS:
                request.commands += (command,)
            self._executed(request)

    def _empty_query(self) -> None:
        if request := self._waiting.answering("QE"):
            self._executed(request)

    def _executed(self, request: Request) -> None:
        """An Execute ends with its command; a Query may hold several, and ends with its Z."""
        request.answered = True
        if request.kind == "E":
            self._waiting.pending.popleft()
            if request.copies_begun:
                self._waiting.forget_ignored_syncs(request)
            self.runs.resume(request)
            self._end(request)

    def _end(self, request: Request) -> None:
        """If its Sync is next, only that tells whether what it did is committed."""
        if self._waiting.answering("S"):
            self._held = request
        else:
            self._reports.query(request, None)

    def _portal_suspended(self) -> None:
        if request := self._waiting.answered("E"):
            self.runs.suspend(request)

    def _copy_in(self) -> None:
        if request := self._waiting.answering("QE"):
            request.copies_begun += 1

    def _copy_both(self) -> None:
        if request := self._waiting.answering("Q"):
            self._reports.streaming(request.statement)

    def _ready_for_query(self, status: bytes) -> None:
        self._waiting.skipping = False
        state = _TRANSACTION.get(status)
        if (head := self._waiting.answering("SQF")) and (head.kind == "S" or head.answered):
            self._waiting.pending.popleft()
            if head.kind != "S":
                if head.copies_begun:
                    self._waiting.forget_ignored_syncs(head)
                self._held = head
        if self._held is not None:
            self._reports.query(self._held, state)
            self._held = None
        if status == b"I":
            self.runs.end_transaction(state)

    # -- errors ---------------------------------------------------------------------------------

    def _error(self, body: bytes) -> None:
        error = _read_error(body)
        self.fatal = self.fatal or error.field("V") in ("FATAL", "PANIC")
        if not self._waiting.pending:
            return
        failed = self._waiting.pending[0]
        failed.sqlstate = error.field("C")
        if failed.kind == "S":
            self._commit_failed(failed)
        elif failed.kind in "QF":
            failed.answered = True
        else:
            self._failed(failed)

    def _commit_failed(self, sync: Request) -> None:
        """What was run before a Sync is committed by it, and constraints may wait until then."""
        self._held = self._held or sync
        self._held.sqlstate = sync.sqlstate

    def _failed(self, request: Request) -> None:
        """Upstream skips all up to Sync. Which one that is nobody can tell where data was copied:
        it may have ignored one, or failed before that. Then nothing is taken for skipped."""
        self._waiting.pending.popleft()
        if not self._waiting.forget_ignored_syncs(request):
            self._waiting.skip_to_sync()
        if request.kind == "E":
            self.runs.resume(request)
        elif request.kind == "B":
            self.runs.find_source(request)
        if request.kind in "EBP":
            self._end(request)


def _read_error(body: bytes) -> ErrorResponse:
    if len(body) == KEPT:  # its last field may be cut
        body = body.rstrip(b"\0").rpartition(b"\0")[0] + b"\0\0"
    try:
        return ErrorResponse.decode(body)
    except ValueError:
        raise ServerProtocolError("upstream sent a malformed error") from None


@lru_cache
def read_tag(tag: bytes) -> tuple[str, int]:
    """A command as upstream calls it, and how many rows that says."""
    command = readable(tag.partition(b"\0")[0])
    count = command.rpartition(" ")[2]
    return command, int(count) if count.isascii() and count.isdigit() and len(count) < 20 else 0

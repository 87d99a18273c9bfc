"""What a client has asked and upstream has not answered yet, in its order.

Every message that is answered waits here for its answer; after an error everything up to Sync is
skipped. Source: "Message Flow: Extended Query, Pipelining, COPY Operations", and PostgreSQL's
postgres.c and copyfromparse.c where the text is silent.
"""

from collections import deque

from protocols.postgres.frames import Copied, Handlers, Rest
from protocols.postgres.names import ROOM, fit
from protocols.postgres.parameters import Parameters
from protocols.postgres.requests import (
    Request,
    read_bind,
    read_execute,
    read_function,
    read_parse,
    read_query,
    read_target,
)
from protocols.postgres.statements import Statement

# Requests that a client may send ahead of their answers. Upstream keeps up to 8 KiB of answers to
# itself, which is 1,638 of the shortest: with more room than that, both sides always get on.
_MAX_PENDING = 10_000
_PENDING_AGAIN = 5_000


class Waiting:
    """`pending` is the queue. `skipping`: upstream passes over what the client sends, up to a Sync.

    `now` is when the client sent what it says.
    """

    def __init__(self, copied: Copied, *, parameters: bool) -> None:
        self.now = 0.0
        self.pending: deque[Request] = deque()
        self.skipping = False
        self.terminated = False
        self._copied = copied
        self._parameters = parameters
        self._copies_ended = 0
        self._used = 0  # memory of what waits
        self._was_full = False
        self.handlers: Handlers = {
            ord("Q"): self._query,
            ord("P"): self._parse,
            ord("B"): self._bind,
            ord("E"): self._execute,
            ord("D"): self._describe,
            ord("C"): self._close,
            ord("S"): self._sync,
            ord("F"): self._function,
            ord("c"): self._copy_ended,
            ord("f"): self._copy_ended,
            ord("X"): self._terminate,
        }

    @property
    def full(self) -> bool:
        limit = _PENDING_AGAIN if self._was_full else _MAX_PENDING
        self._was_full = len(self.pending) >= limit
        return self._was_full

    def answered(self, kind: str) -> Request | None:
        """The request that an answer is to, if it is of this kind: it waits no more."""
        pending = self.pending
        return pending.popleft() if pending and pending[0].kind == kind else None

    def answering(self, kinds: str) -> Request | None:
        """The request that an answer is to, if it is of one of these kinds; more may come."""
        pending = self.pending
        return pending[0] if pending and pending[0].kind in kinds else None

    def forget_ignored_syncs(self, copy: Request) -> bool:
        """Upstream ignores a Sync while it takes copy data: one sent before the data's end.

        Returns whether there was one. If the copy failed it may have been read only afterwards, and
        is answered all the same; an answer too many does no harm.
        """
        end = copy.copies_before + copy.copies_begun
        forgotten = False
        while (sync := self.answering("S")) and sync.copies_before < end:
            self.pending.popleft()
            forgotten = True
        return forgotten

    def skip_to_sync(self) -> None:
        while self.pending and self.pending[0].kind != "S":
            self.pending.popleft()
        self.skipping = not self.pending

    # -- what the client says -------------------------------------------------------------------

    def _put(self, request: Request) -> None:
        if self.skipping:
            return
        if not self.pending:
            self._copied.told = self._copied.bytes
        self.pending.append(request)

    def _query(self, body: bytes, size: int) -> Rest | None:
        statement = self._fitting(read_query(body, size))
        self._put(Request("Q", self.now, self._copies_ended, b"", b"", statement))
        return statement.whole

    def _parse(self, body: bytes, size: int) -> Rest | None:
        name, statement = read_parse(body, size, types=self._parameters)
        statement = self._fitting(statement)
        self._put(Request("P", self.now, self._copies_ended, name, b"", statement))
        return statement.whole

    def _bind(self, body: bytes, _: int) -> Rest | None:
        name, source, rest = read_bind(body)
        request = Request("B", self.now, self._copies_ended, name, source)
        if self._parameters:
            request.parameters = Parameters(self._room)
            request.parameters.take(rest)
            self._used += request.parameters.weight
        self._put(request)
        return request.parameters

    def _execute(self, body: bytes, _: int) -> None:
        name, row_limit = read_execute(body)
        request = Request("E", self.now, self._copies_ended, name)
        request.row_limit = row_limit
        self._put(request)

    def _describe(self, body: bytes, _: int) -> None:
        name = read_target(body) if self._parameters else b""
        self._put(Request("D", self.now, self._copies_ended, name))

    def _close(self, body: bytes, _: int) -> None:
        self._put(Request("C", self.now, self._copies_ended, read_target(body)))

    def _sync(self, *_: object) -> None:
        self.skipping = False
        self._put(Request("S", self.now, self._copies_ended))

    def _function(self, body: bytes, _: int) -> Rest | None:
        statement = self._fitting(read_function(body, self._room if self._parameters else None))
        self._put(Request("F", self.now, self._copies_ended, b"", b"", statement))
        return statement.parameters

    def _copy_ended(self, *_: object) -> None:
        self._copies_ended += 1

    def _terminate(self, *_: object) -> None:
        self.terminated = True

    @property
    def _room(self) -> int:
        if not self.pending:
            self._used = 0
        return ROOM - self._used

    def _fitting(self, statement: Statement) -> Statement:
        if not self.pending:  # there is room for any
            self._used = statement.weight
            return statement
        kept = fit(statement, self._used)
        self._used += kept.weight
        return kept

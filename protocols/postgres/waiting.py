"""What a client has asked and upstream has not answered yet, in its order.

Every message that is answered waits here for its answer; after an error everything up to Sync is
skipped. Source: "Message Flow: Extended Query, Pipelining, COPY Operations", and PostgreSQL's
postgres.c and copyfromparse.c where the text is silent.
"""

from collections import deque

from protocols.postgres.frames import Copied, Receiver, Rest
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
_BIND, _CLOSE, _DESCRIBE, _EXECUTE, _FUNCTION = ord("B"), ord("C"), ord("D"), ord("E"), ord("F")
_PARSE, _QUERY, _SYNC, _TERMINATE = ord("P"), ord("Q"), ord("S"), ord("X")


class Waiting(Receiver):
    """`pending` is the queue. `skipping`: upstream passes over what the client sends, up to a Sync.

    `now` is when the client sent what it says.
    """

    def __init__(self, copied: Copied, *, parameters: bool) -> None:
        super().__init__(told=b"ScfXD", shown=b"QPBECFD" if parameters else b"QPBECF")
        self.now = 0.0
        self.pending: deque[Request] = deque()
        self.skipping = False
        self.terminated = False
        self._copied = copied
        self._parameters = parameters
        self._copies_ended = 0
        self._used = 0  # memory of what waits
        self._was_full = False

    @property
    def full(self) -> bool:
        limit = _PENDING_AGAIN if self._was_full else _MAX_PENDING
        self._was_full = len(self.pending) >= limit
        return self._was_full

    def answered(self, kind: str) -> Request | None:
        """The request that an answer is to, if it is of this kind: it waits no more."""
        if not self.pending:
            return None
        head = self.pending[0]
        if head.kind != kind:
            return None
        self.pending.popleft()
        return head

    def answering(self, kinds: str) -> Request | None:
        """The request that an answer is to, if it is of one of these kinds; more may come."""
        if not self.pending:
            return None
        head = self.pending[0]
        return head if head.kind in kinds else None

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

    def take(self, kind: int, body: bytes, size: int) -> Rest | None:
        if kind == _BIND:
            return self._bind(body)
        if kind == _DESCRIBE:
            self._put("D", read_target(body) if self._parameters else b"")
        elif kind == _EXECUTE:
            self._execute(body)
        elif kind == _SYNC:
            self.skipping = False
            self._put("S", b"")
        elif kind == _QUERY:
            return self._statement("Q", b"", read_query(body, size)).whole
        elif kind == _PARSE:
            name, statement = read_parse(body, size, types=self._parameters)
            return self._statement("P", name, statement).whole
        elif kind == _CLOSE:
            self._put("C", read_target(body))
        elif kind == _FUNCTION:
            function = read_function(body, self._room if self._parameters else None)
            return self._statement("F", b"", function).parameters
        elif kind == _TERMINATE:
            self.terminated = True
        else:
            self._copies_ended += 1
        return None

    def _statement(self, kind: str, name: bytes, statement: Statement) -> Statement:
        """Returns what of it there is room for."""
        if not self.pending:  # there is room for any
            self._used = statement.weight
        else:
            statement = fit(statement, self._used)
            self._used += statement.weight
        self._put(kind, name).statement = statement
        return statement

    def _bind(self, body: bytes) -> Rest | None:
        name, source, rest = read_bind(body)
        parameters = None
        if self._parameters:
            parameters = Parameters(self._room)
            parameters.take(rest)
            self._used += parameters.weight
        request = self._put("B", name)
        request.source = source
        request.parameters = parameters
        return parameters

    def _execute(self, body: bytes) -> None:
        name, row_limit = read_execute(body)
        self._put("E", name).row_limit = row_limit

    def _put(self, kind: str, name: bytes) -> Request:
        request = Request()
        request.kind = kind
        request.started = self.now
        request.copies_before = self._copies_ended
        request.name = name
        if not self.skipping:
            if not self.pending:
                self._copied.told = self._copied.bytes
            self.pending.append(request)
        return request

    @property
    def _room(self) -> int:
        if not self.pending:
            self._used = 0
        return ROOM - self._used

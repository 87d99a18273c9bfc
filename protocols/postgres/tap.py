"""Watches one session after login, and has what its bytes meant reported to the audit.

Both directions are cut into messages: what the client asks waits for upstream's answer, and what
was answered is told.
"""

from protocols.api import Chunk, Clock, Emit, Flow
from protocols.errors import ClientProtocolError, Refusal, ServerProtocolError
from protocols.postgres.answers import Answers
from protocols.postgres.express import Express
from protocols.postgres.frames import Copied, Frames
from protocols.postgres.login import PostgresLogin
from protocols.postgres.refusals import error_response
from protocols.postgres.reports import Reports
from protocols.postgres.requests import are_readable
from protocols.postgres.waiting import Waiting


class PostgresTap:
    """See `protocols.api.Tap`."""

    upstream_may_wait = True

    def __init__(self, emit: Emit, clock: Clock, login: PostgresLogin, flow: Flow) -> None:
        parameters = login.options.audit_parameters
        copied = Copied()
        self._clock = clock
        self._waiting = Waiting(copied, parameters=parameters)
        reports = Reports(emit, clock, copied)
        self._answers = Answers(self._waiting, reports, parameters=parameters)
        bad_client = ClientProtocolError("invalid message length")
        bad_upstream = ServerProtocolError("upstream sent an invalid message length")
        self._express = Express(self._answers.runs, reports)
        self._parameters = parameters
        self._client = Frames(self._waiting, bad_client, copied)
        self._upstream = Frames(self._answers, bad_upstream, copied)

    def may_wait(self, chunk: bytes) -> bool:
        return self._client.at_boundary() and are_readable(chunk)

    def client_sent(self, chunk: Chunk) -> None:
        said = chunk if isinstance(chunk, bytes) else bytes(chunk)
        now = self._clock()
        self._take_the_long_way()
        if not self._is_quiet() or not self._express.take(said, now):
            self._waiting.now = now
            self._client.feed(said)

    def upstream_sent(self, chunk: Chunk) -> None:
        said = chunk if isinstance(chunk, bytes) else bytes(chunk)
        if not self._express.waits or not self._express.answered(said):
            self._take_the_long_way()
            self._upstream.feed(said)

    def last_words(self, refusal: Refusal) -> bytes:
        if self._goodbye_said or not self._upstream.at_boundary():
            return b""
        return error_response(refusal)

    @property
    def full(self) -> bool:
        return self._waiting.full

    @property
    def busy(self) -> bool:
        asked = self._express.waits or bool(self._waiting.pending)
        return asked and not self._goodbye_said

    def close(self) -> None:
        self._take_the_long_way()
        self._answers.close()

    def _take_the_long_way(self) -> None:
        """With what the express has, as more than it can tell is going on."""
        if self._express.waits:
            self._waiting.now = self._express.since
            self._client.feed(self._express.give_back())

    def _is_quiet(self) -> bool:
        """Whether nothing is on the way, nor begun, and no parameters are to be told."""
        waiting = self._waiting
        return (
            not (waiting.pending or waiting.skipping or self._parameters)
            and self._answers.runs.none_suspended
            and self._client.at_boundary()
            and self._upstream.at_boundary()
        )

    @property
    def _goodbye_said(self) -> bool:
        return self._waiting.terminated or self._answers.fatal

"""The exchange that most sessions are made of, read and told as a whole.

Nothing is on the way, and the client sends one statement: a Query, or Bind, Describe, Execute and
Sync of one that is prepared. Upstream answers it with rows, one command and no error. Whatever is
not exactly so goes the long way, by `Waiting` and `Answers`, which this says the same as.
"""

from protocols.octets import behind_zero, cut, uint32
from protocols.postgres.answers import read_tag
from protocols.postgres.reports import Reports
from protocols.postgres.requests import name_in
from protocols.postgres.runs import Runs
from protocols.postgres.statements import Statement

_LONGEST = 2_048  # bytes of a request
_BIND, _DESCRIBE, _EXECUTE, _QUERY, _SYNC = ord("B"), ord("D"), ord("E"), ord("Q"), ord("S")
_BOUND, _COLUMNS, _COMMAND, _NO_DATA = ord("2"), ord("T"), ord("C"), ord("n")
_READY, _ROW = ord("Z"), ord("D")
_IDLE = ord("I")
_TAG_BYTES = 64
_STATES = {ord("I"): "idle", ord("T"): "in", ord("E"): "failed"}
_DESCRIBE_PORTAL = b"D\0\0\0\6P\0"
_EXECUTE_AND_SYNC = b"E\0\0\0\x09\0\0\0\0\0S\0\0\0\4"


class Express:
    """`waits`: for the answer to `request`, which the client sent at `since`."""

    def __init__(self, runs: Runs, reports: Reports) -> None:
        self.waits = False
        self.request = b""
        self.since = 0.0
        self._runs = runs
        self._reports = reports
        self._described = False

    def take(self, request: bytes, now: float) -> bool:
        """Whether it is such a request, and the answer is now waited for."""
        size = len(request)
        if 5 < size <= _LONGEST and 1 + uint32(request, 1) <= size:
            if request[0] == _QUERY:
                self.waits = 1 + uint32(request, 1) == size and behind_zero(request, 5, size) != 0
            elif request[0] == _BIND:
                self.waits = self._runs_prepared(request)
        if self.waits:
            self.request = request
            self.since = now
        return self.waits

    def give_back(self) -> bytes:
        """The request, for it to go the long way."""
        self.waits = False
        return self.request

    def answered(self, answer: bytes) -> bool:
        """Whether it is the whole answer, and that was told."""
        position, end = self._behind_heads(answer), len(answer)
        while position >= 0 and position + 5 <= end and answer[position] == _ROW:
            position = _behind_message(answer, position, end)
        if position < 0 or position + 5 > end or answer[position] != _COMMAND:
            return False
        ready = _behind_message(answer, position, end)
        if ready != end - 6 or answer[ready] != _READY or uint32(answer, ready + 1) != 5:
            return False
        if ready - position - 5 > _TAG_BYTES or answer[end - 1] not in _STATES:
            return False
        self._tell(cut(answer, position + 5, ready), answer[end - 1])
        return True

    def _runs_prepared(self, bind: bytes) -> bool:
        """Of the unnamed portal, all rows."""
        begin, end = 1 + uint32(bind, 1), len(bind)
        source = behind_zero(bind, 6, begin)
        if bind[5] or not source:
            return False
        rest = cut(bind, begin, end)
        self._described = rest[:7] == _DESCRIBE_PORTAL
        return (rest[7:] if self._described else rest) == _EXECUTE_AND_SYNC

    def _behind_heads(self, answer: bytes) -> int:
        """Where the rows begin; -1 where the answer begins otherwise than it should."""
        position, end = 0, len(answer)
        if self.request[0] == _BIND:
            position = 5
            if end <= position or answer[0] != _BOUND or uint32(answer, 1) != 4:
                return -1
        elif not end:
            return -1
        headed = answer[position] == _COLUMNS or answer[position] == _NO_DATA
        if self.request[0] == _BIND and headed != self._described:
            return -1
        return _behind_message(answer, position, end) if headed else position

    def _tell(self, tag: bytes, state: int) -> None:
        self.waits = False
        if self.request[0] == _QUERY:
            behind = behind_zero(self.request, 5, len(self.request))
            statement = Statement(cut(self.request, 5, behind - 1))
        else:
            source = behind_zero(self.request, 6, len(self.request))
            statement = self._runs.run(name_in(self.request, 6, source), state != _IDLE)
        protocol = "simple" if self.request[0] == _QUERY else "extended"
        self._reports.ran(statement, protocol, read_tag(tag), self.since, _STATES[state])
        if state == _IDLE:
            self._runs.end_transaction("idle")


def _behind_message(data: bytes, position: int, end: int) -> int:
    """Where the next one begins; -1 where this one is none or not whole."""
    if position + 5 > end:
        return -1
    length = uint32(data, position + 1)
    if length < 4 or position + 1 + length > end:
        return -1
    return position + 1 + length

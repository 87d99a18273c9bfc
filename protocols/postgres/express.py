"""The exchange that most sessions are made of, read and told as a whole.

Nothing is on the way, and the client sends one statement: a Query, or Bind, Describe, Execute and
Sync of one that is prepared, or is parsed without a name just before. Upstream answers it with
rows, one command and no error. Whatever is not exactly so goes the long way, by `Waiting` and
`Answers`, which this says the same as.
"""

from protocols.octets import behind_zero, cut, uint32
from protocols.postgres.answers import read_tag
from protocols.postgres.reports import Reports
from protocols.postgres.requests import name_in
from protocols.postgres.runs import Runs
from protocols.postgres.statements import Statement

_LONGEST = 2_048  # bytes of a request
_BIND, _PARSE, _QUERY = ord("B"), ord("P"), ord("Q")
_PARSED, _BOUND, _COLUMNS, _NO_DATA = ord("1"), ord("2"), ord("T"), ord("n")
_ROW, _COMMAND, _READY = ord("D"), ord("C"), ord("Z")
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
        self._bind = 0  # where it begins in the request
        self._described = False

    def take(self, request: bytes, now: float) -> bool:
        """Whether it is such a request, and the answer is now waited for."""
        size = len(request)
        first = _behind_message(request, 0, size)  # where what follows the first message begins
        if first > 5 and size <= _LONGEST:
            if request[0] == _QUERY:
                self.waits = first == size and behind_zero(request, 5, size) != 0
            elif request[0] == _BIND:
                self.waits = self._binds(request, 0)
            elif request[0] == _PARSE and not request[5] and behind_zero(request, 6, first):
                self.waits = self._binds(request, first)
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

    def _binds(self, request: bytes, bind: int) -> bool:
        """Whether a Bind is there, of the unnamed portal, which is then run to its end: behind a
        Parse, a Bind of what that has made."""
        end = len(request)
        behind = _behind_message(request, bind, end)
        if behind < bind + 7 or request[bind] != _BIND or request[bind + 5]:
            return False
        source = behind_zero(request, bind + 6, behind)
        if not source or (bind and source != bind + 7):
            return False
        self._bind = bind
        rest = cut(request, behind, end)
        self._described = rest[:7] == _DESCRIBE_PORTAL
        return (rest[7:] if self._described else rest) == _EXECUTE_AND_SYNC

    def _behind_heads(self, answer: bytes) -> int:
        """Where the rows begin; -1 where the answer begins otherwise than it should."""
        position, end = 0, len(answer)
        if self.request[0] == _PARSE:
            position = _behind_empty(answer, position, _PARSED)
        if self.request[0] != _QUERY and position >= 0:
            position = _behind_empty(answer, position, _BOUND)
        if position < 0 or position >= end:
            return -1
        headed = answer[position] == _COLUMNS or answer[position] == _NO_DATA
        if self.request[0] != _QUERY and headed != self._described:
            return -1
        return _behind_message(answer, position, end) if headed else position

    def _tell(self, tag: bytes, state: int) -> None:
        self.waits = False
        request = self.request
        if request[0] == _QUERY:
            protocol, statement = "simple", _text(request, 5)
        else:
            if request[0] == _PARSE:
                self._runs.name(b"", _text(request, 6))
            begin = self._bind + 6
            source = name_in(request, begin, behind_zero(request, begin, len(request)))
            protocol, statement = "extended", self._runs.run(source, state != _IDLE)
        self._reports.ran(statement, protocol, read_tag(tag), self.since, _STATES[state])
        if state == _IDLE:
            self._runs.end_transaction("idle")


def _text(request: bytes, begin: int) -> Statement:
    """The one whose text is there."""
    return Statement(cut(request, begin, behind_zero(request, begin, len(request)) - 1))


def _behind_empty(answer: bytes, position: int, kind: int) -> int:
    """Where what follows an empty message of this kind begins; -1 where there is none."""
    behind = _behind_message(answer, position, len(answer))
    return behind if behind == position + 5 and answer[position] == kind else -1


def _behind_message(data: bytes, position: int, end: int) -> int:
    """Where the next one begins; -1 where this one is none or not whole."""
    if position + 5 > end:
        return -1
    length = uint32(data, position + 1)
    if length < 4 or position + 1 + length > end:
        return -1
    return position + 1 + length

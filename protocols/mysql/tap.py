"""What a session's bytes meant: which statement ran, how long, with how many rows and what error.

Commands and answers are paired in order, as the protocol promises: a client may send ahead, and
every command that is answered waits in a queue for its answer. Source: "Command Phase" in MySQL's
documentation and MariaDB's, and both servers where the text is silent.
"""

from protocols.api import Chunk, Clock, Emit, Flow
from protocols.errors import Refusal, ServerProtocolError
from protocols.mysql.capabilities import Agreed, Capability
from protocols.mysql.commands import EXECUTIONS, TEXTS, UNTOLD, Command, Request, among
from protocols.mysql.compression import framed
from protocols.mysql.events import MysqlPrepare, command_event, query_event
from protocols.mysql.local_files import names_file
from protocols.mysql.login import MysqlLogin
from protocols.mysql.refusals import error_packet
from protocols.mysql.replies import Asker, Replies
from protocols.mysql.requests import Requests

# Commands that a client may send ahead of their answers. Upstream keeps up to 16 KiB of answers to
# itself, which is 1,489 of the shortest: with more room than that, both sides always get on.
_MAX_PENDING = 10_000
_PENDING_AGAIN = 5_000
_FORGETTING = among({Command.RESET_CONNECTION, Command.CHANGE_USER})
_TOLD_AS_COMMAND, _TOLD_AS_QUERY, _UNTOLD = range(3)
_TOLD = bytes(
    _UNTOLD if number in UNTOLD else _TOLD_AS_QUERY if number in TEXTS | EXECUTIONS else 0
    for number in range(256)
)
_QUERY, _PREPARE = Command.QUERY.value, Command.STMT_PREPARE.value


class MysqlTap(Asker):
    """Watches one session."""

    def __init__(self, emit: Emit, clock: Clock, login: MysqlLogin, flow: Flow) -> None:
        agreed: Agreed = flow.agreed
        self._emit = emit
        self._clock = clock
        self._attributes = Capability.QUERY_ATTRIBUTES in agreed.capabilities
        self._compressed = agreed.compression is not None
        # Else it could ask for a file that nobody sees in time, and number it like a command.
        # A gate looks out for that, and sets it again.
        self.upstream_may_wait = Capability.LOCAL_FILES not in agreed.capabilities
        self._may_be_asked = False  # for a file, by what waits
        self._replies = Replies(agreed, self)
        self._requests = Requests(login, agreed, clock, self._replies)
        self._pending = self._replies.pending
        self._client = self._requests.stream
        self._upstream = self._replies.stream
        self._was_full = False
        self._goodbye_said = False  # by upstream: an error that answers nothing

    def look_out(self) -> None:
        """What upstream says now, and is shown later, may ask the client for a file."""
        self._may_be_asked = True

    def may_wait(self, chunk: bytes) -> bool:
        # Before what may not wait, all that waits is shown; the end of a request whose beginning
        # was shown already may be among it.
        if self._may_be_asked or not self._upstream.at_boundary():
            self._may_be_asked = False
            return False
        return self._requests.are_readable(chunk)

    def client_sent(self, chunk: Chunk) -> None:
        self._client.feed(chunk)

    def upstream_sent(self, chunk: Chunk) -> None:
        self._upstream.feed(chunk)

    def last_words(self, refusal: Refusal) -> bytes:
        if self._over or not self._upstream.at_boundary():
            return b""
        packet = error_packet(refusal, self._next_sequence)
        return framed(packet) if self._compressed else packet

    @property
    def full(self) -> bool:
        limit = _PENDING_AGAIN if self._was_full else _MAX_PENDING
        self._was_full = self._pending.count >= limit
        return self._was_full

    @property
    def busy(self) -> bool:
        return self._pending.count > 0 and not self._over

    @property
    def quiet(self) -> bool:
        """Whether upstream owes nothing but an answer to the client's last command."""
        return self._pending.count == 1 and self._upstream.at_boundary()

    @property
    def files(self) -> int:
        """How often upstream has asked the client for a file."""
        return self._requests.files

    def close(self) -> None:
        """Report what never ended."""
        while self._pending.count:
            self._report(self._pending.take(), finished=False)

    @property
    def _over(self) -> bool:
        return self._goodbye_said or self._requests.goodbye_said

    @property
    def _next_sequence(self) -> int:
        """The number that the client expects of the next packet. One that waits for nothing will
        read it as the answer to its next command."""
        head = self._pending.first
        if head is None:
            return 1
        return ((self._upstream.sequence if head.answering else head.sequence) + 1) & 0xFF

    # -- what upstream's answers mean -------------------------------------------------------------

    def answered(self) -> None:
        request = self._pending.take()
        if _FORGETTING[request.command] and request.error is None:
            self._requests.statements.clear()
        self._report(request)

    def prepared(self, number: int, parameters: int) -> None:
        request = self._pending.first
        assert request is not None
        prepared = request.prepared
        assert prepared is not None
        prepared.parameters = parameters
        told = prepared.statement
        self._emit(MysqlPrepare(number, told.text, told.size, told.digest, parameters))
        self._requests.statements.put(number, prepared)

    def wants_file(self, name: bytes) -> None:
        """Not a byte of a file goes to upstream that the client has not named itself: what is
        raised here ends the session before anything more is taken from the client."""
        request = self._pending.first
        assert request is not None
        if not names_file(request.statement.text, name):
            raise ServerProtocolError("upstream asked for a file that no statement offers it")
        self._requests.want_file()

    def wants_proof(self) -> None:
        self._requests.want_proof()

    def gave_up(self) -> None:
        self._goodbye_said = True

    # -- reports ----------------------------------------------------------------------------------

    def _report(self, request: Request, finished: bool = True) -> None:
        told = _TOLD[request.command]
        done = finished and request.error is None
        if told == _UNTOLD or (done and request.command == _PREPARE):
            return
        microseconds = int((self._clock() - request.started) * 1_000_000 + 0.5)
        duration = microseconds / 1000.0  # which C does not round
        if told == _TOLD_AS_QUERY:
            self._find_text(request)
            self._emit(query_event(request, duration, finished, self._attributes))
        else:
            self._emit(command_event(request, duration, finished))

    def _find_text(self, request: Request) -> None:
        """A client may guess the number of a statement before it is told; of its values then only
        upstream knows what they are."""
        if request.prepared is None and request.command != _QUERY:
            prepared = self._requests.statements.get(request.number)
            if prepared is not None:
                request.statement, prepared.types = prepared.statement, b""

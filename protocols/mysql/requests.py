"""What the client says, read as far as it takes to audit it, and kept until it is answered.

A packet that the client sends is a command, unless upstream has asked for something else: a file's
contents, or a proof in the middle of COM_CHANGE_USER. A command begins with number 0, so that
nobody can make one pass for the other.
"""

from protocols.api import Clock
from protocols.errors import ClientProtocolError, Reason
from protocols.mysql.capabilities import Agreed, Capability
from protocols.mysql.commands import (
    EXECUTIONS,
    NO_ATTRIBUTES,
    TEXTS,
    UNANSWERED,
    UNANSWERED_OF_REPLICAS,
    Command,
    Request,
    among,
    detail,
)
from protocols.mysql.compression import stream
from protocols.mysql.frames import PacketReader, Packets
from protocols.mysql.login import MysqlLogin
from protocols.mysql.packets import HEADER_SIZE, MAX_PAYLOAD
from protocols.mysql.parameters import statement_position
from protocols.mysql.replies import Replies
from protocols.mysql.statements import (
    LONGEST,
    MOST_TEXT,
    LongStatement,
    Prepared,
    PreparedStatements,
    read_statement,
)

# Commands of a few bytes or a text, which can be read whatever they say.
_READABLE = among(
    {Command.QUERY, Command.STMT_PREPARE, Command.STMT_EXECUTE, Command.STMT_CLOSE}
    | {Command.STMT_RESET, Command.STMT_FETCH, Command.INIT_DB, Command.PING, Command.STATISTICS}
)
_LONGEST = LONGEST
_KEPT = 2 * LONGEST  # of a command: query attributes stand before the statement
_QUERY, _PREPARE = Command.QUERY.value, Command.STMT_PREPARE.value
_TEXTS, _EXECUTIONS = among(TEXTS), among(EXECUTIONS)
# A tap that is full is sent at most the 16,384 commands of one more chunk; a compressed packet may
# hold millions.
_MOST_PENDING = 40_000


class Requests(PacketReader):
    """Reads what the client of one session says, and puts what will be answered in the queue."""

    def __init__(self, login: MysqlLogin, agreed: Agreed, clock: Clock, replies: Replies) -> None:
        self.statements = PreparedStatements()
        self.goodbye_said = False
        self.files = 0  # that upstream has asked for
        self._clock = clock
        self._pending = replies.pending
        self._replies = replies
        self._has_attributes = Capability.QUERY_ATTRIBUTES in agreed.capabilities
        self._keeps_values = login.options.audit_parameters
        replicates = login.options.replication
        self._unanswered = among(UNANSWERED_OF_REPLICAS if replicates else UNANSWERED)
        self._weight = 0  # bytes that the pending requests keep
        self._at: Request | None = None  # the request whose bytes come
        self._long: LongStatement | None = None
        self._sends_file = self._sends_proof = False
        self._packets = Packets(self, _KEPT)
        self._limit = MAX_PAYLOAD
        fault = ClientProtocolError("the client sent a compressed packet that is malformed")
        self.stream = stream(self._packets, agreed.compression, fault)

    def are_readable(self, chunk: bytes) -> bool:
        """Whether it is one whole command that certainly can be read."""
        size = len(chunk) - HEADER_SIZE
        if size <= 0 or not _READABLE[chunk[4]]:
            return False
        if chunk[3] or size != chunk[0] | chunk[1] << 8 | chunk[2] << 16:
            return False
        if chunk[4] == _QUERY and self._has_attributes and not _has_none(chunk, 5):
            return False
        if self._sends_file or self.stream is not self._packets:
            return False
        return self._packets.at_boundary()

    def want_file(self) -> None:
        """The client's next packets are a file, up to an empty one."""
        self.files += 1
        self._sends_file, self._packets.kept = True, 0
        self._at = self._pending.first

    def want_proof(self) -> None:
        """The client's next packet goes on with its COM_CHANGE_USER."""
        self._sends_proof = True
        self._at = self._pending.first

    def packet(self, body: bytes, size: int) -> bool:
        command = body[0] if body else 0  # COM_SLEEP
        if self._sends_file:
            self._take_file(body, size)
        elif self._packets.sequence:
            self._take_proof()
        elif self._unanswered[command]:
            self._take_unanswered(command, body)
        else:
            self._take_command(command, body, size)
        return size > len(body) or size == self._limit

    def more(self, piece: memoryview | bytes) -> None:
        if self._sends_file and self._at is not None:
            self._at.loaded_bytes += len(piece)
        elif self._long is not None:
            self._long.more(piece)

    def end(self) -> None:
        self._said()
        if self._long is not None:
            self._long.end()
            self._long = None

    def _said(self) -> None:
        """Upstream's next packet will have the next number."""
        if self._at is not None:
            self._at.sequence, self._at.answering = self.stream.sequence, False

    def _take_file(self, body: bytes, size: int) -> None:
        if self._at is not None:
            self._at.loaded_bytes += len(body)
        if not size:
            self._sends_file, self._packets.kept = False, _KEPT
        self._said()

    def _take_proof(self) -> None:
        if not self._sends_proof:
            raise ClientProtocolError("the client sent a packet that nobody asked it for")
        self._sends_proof = False
        self._said()

    # -- commands ---------------------------------------------------------------------------------

    def _take_unanswered(self, command: int, body: bytes) -> None:
        self._at = self._long = None
        if command == Command.QUIT:
            self.goodbye_said = True
        elif command == Command.STMT_CLOSE:
            self.statements.drop(_number(body))
        elif command == Command.STMT_SEND_LONG_DATA and self._keeps_values:
            parameter = int.from_bytes(body[5:7], "little")
            self.statements.keep_long_data(_number(body), parameter, body[7:])

    def _take_command(self, command: int, body: bytes, size: int) -> None:
        if self._pending.count >= _MOST_PENDING:
            raise ClientProtocolError("the client sent too many commands ahead of their answers")
        self._at = request = Request.__new__(Request)
        request.begin(command, self._clock(), self.stream.sequence)
        if not self._pending.count:
            self._weight = 0
        if _TEXTS[command]:
            self._read_text(request, body, size)
        elif _EXECUTIONS[command]:
            self._read_execution(request, body)
        elif command == Command.STMT_RESET:
            self.statements.take_long_data(self.statements.get(_number(body)))
        else:
            request.detail = detail(command, body)
        self._pending.add(request)

    def _read_text(self, request: Request, body: bytes, size: int) -> None:
        sql = body[self._begin_of_text(body) :]
        request.statement = statement = read_statement(sql, self._replies.quoting())
        whole = size == len(body) and size < self._limit
        self._long = None if whole and len(sql) <= _LONGEST else LongStatement(statement, sql)
        if whole and self._long is not None:
            self._long.end()
        statement.fit(self._weight)
        self._weight += len(statement.text)
        if request.command == _PREPARE:
            request.prepared = Prepared(statement)
            self.statements.ask(request.prepared)

    def _begin_of_text(self, body: bytes) -> int:
        if body[0] != _QUERY or not self._has_attributes:
            return 1
        if _has_none(body, 1):
            return 3
        try:
            return statement_position(body[:LONGEST])
        except ValueError:  # a statement that is not seen is not audited
            sentence = "a statement's query attributes are malformed or longer than 64 KiB"
            raise ClientProtocolError(sentence, Reason.OVERSIZED) from None

    def _read_execution(self, request: Request, body: bytes) -> None:
        request.number = _number(body)
        if (prepared := self.statements.get(request.number)) is None:
            return
        request.prepared, request.statement = prepared, prepared.statement
        if not self._keeps_values or request.command == Command.STMT_FETCH:
            return
        long_data = self.statements.take_long_data(prepared)
        weight = len(body) + sum(map(len, long_data.values()))
        if self._weight + weight > MOST_TEXT:
            request.values = None
            return
        self._weight += weight
        request.values, request.long_data = body, long_data


def _has_none(query: bytes, position: int) -> bool:
    """Whether the attributes of a COM_QUERY, which begin there, are none."""
    return query.startswith(NO_ATTRIBUTES, position)


def _number(body: bytes) -> int:
    if len(body) < 5:
        return int.from_bytes(body[1:], "little")
    low, high = body[1] | body[2] << 8, body[3] | body[4] << 8
    return low | high << 16

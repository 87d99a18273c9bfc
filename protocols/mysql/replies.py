"""Upstream's answers, read as far as it takes to know what each says and where it ends.

One command has one answer, which may be many packets: results in turn, each an OK or columns and
rows. The first packet of each tells which; rows are only counted, and where they end is told by a
packet that no row can look like. Source: "Text Resultset", "COM_STMT_PREPARE Response" and "Generic
Response Packets" in MySQL's documentation, "Result Set Packets" in MariaDB's, and both servers
where that is silent.
"""

from collections.abc import Mapping

from protocols.errors import ServerProtocolError
from protocols.mysql.capabilities import Agreed, Capability
from protocols.mysql.commands import Command, Pending, Request
from protocols.mysql.compression import stream
from protocols.mysql.frames import PacketReader, Packets
from protocols.mysql.messages import AUTH_SWITCH, ErrPacket
from protocols.mysql.packets import MAX_PAYLOAD, Reader
from protocols.mysql.redaction import ESCAPED, PLAIN

_KEPT = 513  # of a packet: as much as a request for a file may have
_MORE_RESULTS = 0x0008
_CURSOR_EXISTS = 0x0040
_NO_BACKSLASH_ESCAPES = 0x0200
_OK, _LOCAL_FILE, _EOF, _ERR = 0x00, 0xFB, 0xFE, 0xFF
_LONG_INTEGER = 0xFB  # a length-encoded integer of more than this byte begins so
_LONGEST_EOF = 8
_SHORTEST_OK = 7
_PROGRESS = 0xFFFF
_FLAG_OF_PREPARE_OK = 12
_MOST_DEFINITIONS = 0xFFFF  # of columns; and a statement has as many parameters at most

_EXECUTE, _PREPARE = Command.STMT_EXECUTE.value, Command.STMT_PREPARE.value

# What a packet may be: the first of an answer, of a result in it, what ends columns, or rows.
_AT_FIRST, _AT_RESULT, _AT_COLUMNS_END, _AT_ROWS_END = range(4)

# What the first packet of an answer is: by its command, the place in here.
_SIMPLE, _RESULT, _PREPARED, _TEXT, _PROOF, _ROWS = range(6)
_FIRST_OF: Mapping[int, int] = {
    Command.QUERY: _RESULT,
    Command.PROCESS_INFO: _RESULT,
    Command.STMT_EXECUTE: _RESULT,
    Command.STMT_BULK_EXECUTE: _RESULT,
    Command.STMT_PREPARE: _PREPARED,
    Command.STATISTICS: _TEXT,
    Command.CHANGE_USER: _PROOF,
    Command.STMT_FETCH: _ROWS,
    Command.FIELD_LIST: _ROWS,
    Command.BINLOG_DUMP: _ROWS,
    Command.BINLOG_DUMP_GTID: _ROWS,
    Command.TABLE_DUMP: _ROWS,
}
_FIRSTS = bytes(_FIRST_OF.get(command, _SIMPLE) for command in range(256))


def _uint16(body: bytes, position: int) -> int:
    if position + 2 > len(body):
        raise ValueError("it ends too early")
    return body[position] | body[position + 1] << 8


class Asker:
    """Who is told what upstream's answers mean: always those to the first request pending."""

    def answered(self) -> None:
        """It is done."""
        raise NotImplementedError

    def prepared(self, number: int, parameters: int) -> None:
        raise NotImplementedError

    def wants_file(self, name: bytes) -> None:
        raise NotImplementedError

    def wants_proof(self) -> None:
        raise NotImplementedError

    def gave_up(self) -> None:
        """An error came that answers nothing."""
        raise NotImplementedError


class Replies(PacketReader):
    """Reads what upstream says to one session; `pending` is what it has been asked, in order."""

    def __init__(self, agreed: Agreed, asker: Asker) -> None:
        self.pending = Pending()
        self._packets = Packets(self, _KEPT)
        fault = ServerProtocolError("upstream sent a compressed packet that is malformed")
        self.stream = stream(self._packets, agreed.compression, fault)
        self._asker = asker
        self._status = 0
        self._has_eofs = Capability.DEPRECATE_EOF not in agreed.capabilities
        self._longest_end = _LONGEST_EOF if self._has_eofs else MAX_PAYLOAD - 1
        self._may_skip_both = Capability.OPTIONAL_RESULTSET_METADATA in agreed.capabilities
        may_skip_columns = Capability.CACHE_METADATA in agreed.capabilities
        self._may_skip_columns = self._may_skip_both or may_skip_columns
        self._reports_progress = Capability.PROGRESS in agreed.capabilities
        self._at = _AT_FIRST

    def quoting(self) -> str:
        """How the client's literals are written, as far as upstream has told."""
        return PLAIN if self._status & _NO_BACKSLASH_ESCAPES else ESCAPED

    def packet(self, body: bytes, size: int) -> bool:
        try:
            request = self.pending.first
            if request is None:
                self._unasked(body)
                return False
            request.answering = True
            if not body:
                raise ValueError("nothing")
            self._read(request, body, size)
        except ValueError:
            raise ServerProtocolError("upstream sent a malformed answer") from None
        return False

    def _unasked(self, body: bytes) -> None:
        """Servers say so that they are about to hang up."""
        if not body:
            raise ValueError("nothing")
        if body[0] == _ERR:
            self._asker.gave_up()

    def _read(self, request: Request, body: bytes, size: int) -> None:
        if body[0] == _ERR:
            self._error(request, ErrPacket.decode(body))
        elif self._at == _AT_ROWS_END:
            self._rows_end(request, body, size)
        elif self._at == _AT_COLUMNS_END:
            self._columns_end(request, body, size)
        elif self._at == _AT_RESULT:
            self._result(request, body, size)
        else:
            self._first(request, body, size)

    # -- the first packet of an answer ----------------------------------------------------------

    def _first(self, request: Request, body: bytes, size: int) -> None:
        first = _FIRSTS[request.command]
        if first == _RESULT:
            self._result(request, body, size)
        elif first == _PREPARED:
            self._prepared(body)
        elif first == _ROWS:
            self._row_or_end(request, body, size)
        elif first == _PROOF:
            self._proof_or_ok(request, body, size)
        elif first == _TEXT:
            self._finish()
        else:
            self._ok_or_eof(request, body, size)

    def _ok_or_eof(self, request: Request, body: bytes, size: int) -> None:
        self._read_end(request, body, size)
        self._finish()

    def _prepared(self, body: bytes) -> None:
        """The definitions of parameters and columns follow, and an EOF behind either."""
        if body[0] != _OK:
            raise ValueError("not the answer to COM_STMT_PREPARE")
        low, high = _uint16(body, 1), _uint16(body, 3)
        columns, parameters = _uint16(body, 5), _uint16(body, 7)
        self._asker.prepared(low | high << 16, parameters)
        told = self._may_skip_both and len(body) > _FLAG_OF_PREPARE_OK
        follow = not told or body[_FLAG_OF_PREPARE_OK] > 0
        definitions = parameters + columns if follow else 0
        eofs = bool(parameters) + bool(columns) if self._has_eofs else 0
        self._pass_over(definitions + eofs)

    def _proof_or_ok(self, request: Request, body: bytes, size: int) -> None:
        if body[0] == _OK:
            self._ok_or_eof(request, body, size)
        elif body[:1] == AUTH_SWITCH:
            self._asker.wants_proof()

    def _row_or_end(self, request: Request, body: bytes, size: int) -> None:
        self._begin_rows()
        if body[0] == _EOF:
            self._rows_end(request, body, size)
        else:
            self._packets.rows = 1

    # -- results ----------------------------------------------------------------------------------

    def _result(self, request: Request, body: bytes, size: int) -> None:
        if body[0] == _OK:
            self._end_result(request, self._read_end(request, body, size))
        elif body[0] == _LOCAL_FILE:
            self._asker.wants_file(body[1:] if size <= len(body) else b"")
            self._at = _AT_RESULT
        elif body[0] < _LONG_INTEGER:
            self._columns(body, body[0], 1)
        else:
            reader = Reader(body)
            count = reader.lenenc_int()
            self._columns(body, min(count, _MOST_DEFINITIONS + 1), reader.position)

    def _columns(self, body: bytes, count: int, position: int) -> None:
        """So many, told up to this position."""
        if count > _MOST_DEFINITIONS or (self._may_skip_columns and position >= len(body)):
            raise ValueError("not a number of columns")
        follow = not self._may_skip_columns or body[position] > 0
        self._pass_over(count if follow else 0)

    def _pass_over(self, definitions: int) -> None:
        self._packets.passing = definitions
        if not definitions:
            self.passed()

    def passed(self) -> None:
        request = self.pending.first
        assert request is not None
        if request.command == _PREPARE:
            self._finish()
        elif self._has_eofs:
            self._at = _AT_COLUMNS_END
        else:
            self._begin_rows()

    def _columns_end(self, request: Request, body: bytes, size: int) -> None:
        if body[0] != _EOF or size > _LONGEST_EOF:
            raise ValueError("columns have no end")
        status = self._read_end(request, body, size)
        if status & _CURSOR_EXISTS and request.command == _EXECUTE:
            self._end_result(request, status)  # its rows are fetched
        else:
            self._begin_rows()

    def _begin_rows(self) -> None:
        self._packets.in_rows, self._packets.rows = True, 0
        self._at = _AT_ROWS_END

    def _rows_end(self, request: Request, body: bytes, size: int) -> None:
        if size > self._longest_end:
            self._packets.rows += 1  # its first column has 16 MiB and more
            return
        request.rows += self._packets.rows
        self._packets.in_rows = False
        self._end_result(request, self._read_end(request, body, size))

    def _end_result(self, request: Request, status: int) -> None:
        if status & _MORE_RESULTS:
            self._at = _AT_RESULT
        else:
            self._finish()

    # -- ends -------------------------------------------------------------------------------------

    def _read_end(self, request: Request, body: bytes, size: int) -> int:
        """The status that an OK or EOF tells, and what the request has done by then."""
        if body[0] == _EOF and size < _SHORTEST_OK:
            request.warnings += _uint16(body, 1)
            position = 3
        elif body[0] in (_OK, _EOF):
            position = self._read_affected(request, body)
            request.warnings += _uint16(body, position + 2)
        else:
            raise ValueError("neither OK nor EOF")
        self._status = _uint16(body, position)
        return self._status

    def _read_affected(self, request: Request, body: bytes) -> int:
        """The rows that were changed; returns where the status is."""
        if len(body) > 2 and body[1] < _LONG_INTEGER and body[2] < _LONG_INTEGER:
            if body[1]:
                request.affected_rows += body[1]
            return 3
        reader = Reader(body, 1)
        request.affected_rows += reader.lenenc_int()
        reader.lenenc_int()
        return reader.position

    def _error(self, request: Request, error: ErrPacket) -> None:
        if error.code == _PROGRESS and self._reports_progress:
            return
        request.error, request.sqlstate = error.code, error.sqlstate
        request.rows += self._packets.rows if self._packets.in_rows else 0
        self._finish()

    def _finish(self) -> None:
        self._packets.in_rows, self._packets.passing = False, 0
        self._at = _AT_FIRST
        self._asker.answered()

"""Upstream's answers, read as far as it takes to know what each says and where it ends.

One command has one answer, which may be many packets: results in turn, each an OK or columns and
rows. The first packet of each tells which; rows are only counted, and where they end is told by a
packet that no row can look like. Source: "Text Resultset", "COM_STMT_PREPARE Response" and "Generic
Response Packets" in MySQL's documentation, "Result Set Packets" in MariaDB's, and both servers
where that is silent.
"""

from collections import deque
from collections.abc import Callable, Mapping
from struct import Struct
from struct import error as StructError
from typing import Protocol

from protocols.errors import ServerProtocolError
from protocols.mysql.capabilities import Agreed, Capability
from protocols.mysql.commands import Command, Request
from protocols.mysql.compression import stream
from protocols.mysql.frames import Packets
from protocols.mysql.messages import AUTH_SWITCH, ErrPacket
from protocols.mysql.packets import MAX_PAYLOAD, Reader

_KEPT = 513  # of a packet: as much as a request for a file may have
_MORE_RESULTS = 0x0008
_CURSOR_EXISTS = 0x0040
_NO_BACKSLASH_ESCAPES = 0x0200
_OK, _LOCAL_FILE, _EOF, _ERR = 0x00, 0xFB, 0xFE, 0xFF
_LONG_INTEGER = 0xFB  # a length-encoded integer of more than this byte begins so
_LONGEST_EOF = 8
_SHORTEST_OK = 7
_PROGRESS = 0xFFFF
_TWO_UINT16 = Struct("<HH")
_PREPARE_OK = Struct("<BIHH")
_FLAG_OF_PREPARE_OK = 12


def _uint16_pair(body: bytes, position: int) -> tuple[int, int]:
    first, second = _TWO_UINT16.unpack_from(body, position)
    return first, second


def _read_ok(body: bytes) -> tuple[int, int, int]:
    """Affected rows, status and warnings."""
    if body[1] < _LONG_INTEGER and body[2] < _LONG_INTEGER:
        return body[1], *_uint16_pair(body, 3)
    reader = Reader(body, 1)
    rows, _ = reader.lenenc_int(), reader.lenenc_int()
    return rows, *_uint16_pair(body, reader.position)


def _read_count(body: bytes) -> tuple[int, int]:
    """A number of columns, and where it ends."""
    if body[0] < _LONG_INTEGER:
        return body[0], 1
    reader = Reader(body)
    return reader.lenenc_int(), reader.position


class Asker(Protocol):
    """Who is told what upstream's answers mean: always those to the first request pending."""

    def answered(self) -> None:
        """It is done."""

    def prepared(self, number: int, parameters: int) -> None: ...

    def wants_file(self, name: bytes) -> None: ...

    def wants_proof(self) -> None: ...

    def gave_up(self) -> None:
        """An error came that answers nothing."""


class Replies:
    """Reads what upstream says to one session; `pending` is what it has been asked, in order."""

    def __init__(self, agreed: Agreed, asker: Asker) -> None:
        self.pending: deque[Request] = deque()
        self._packets = Packets(self, _KEPT)
        fault = ServerProtocolError("upstream sent a compressed packet that is malformed")
        self.stream = stream(self._packets, agreed.compression, fault)
        self._asker = asker
        self._status = 0
        self._has_eofs = Capability.DEPRECATE_EOF not in agreed.capabilities
        self._may_skip_both = Capability.OPTIONAL_RESULTSET_METADATA in agreed.capabilities
        may_skip_columns = Capability.CACHE_METADATA in agreed.capabilities
        self._may_skip_columns = self._may_skip_both or may_skip_columns
        self._reports_progress = Capability.PROGRESS in agreed.capabilities
        self._read: Callable[[Request, bytes, int], None] = self._first

    @property
    def no_backslash_escapes(self) -> bool:
        """Whether the client's literals have none, as far as upstream has told."""
        return bool(self._status & _NO_BACKSLASH_ESCAPES)

    def packet(self, body: bytes, size: int) -> bool:
        try:
            if not self.pending:
                self._unasked(body)
                return False
            request = self.pending[0]
            request.answering = True
            if body[0] == _ERR:
                self._error(request, ErrPacket.decode(body))
            else:
                self._read(request, body, size)
        except (ValueError, IndexError, StructError):
            raise ServerProtocolError("upstream sent a malformed answer") from None
        return False

    def more(self, piece: memoryview | bytes) -> None:
        """Never asked for."""

    def end(self) -> None:
        """Never asked for."""

    def _unasked(self, body: bytes) -> None:
        """Servers say so that they are about to hang up."""
        if body[0] == _ERR:
            self._asker.gave_up()

    # -- the first packet of an answer ----------------------------------------------------------

    def _first(self, request: Request, body: bytes, size: int) -> None:
        _FIRST.get(request.command, Replies._ok_or_eof)(self, request, body, size)

    def _ok_or_eof(self, request: Request, body: bytes, size: int) -> None:
        self._read_end(request, body, size)
        self._finish()

    def _text(self, *_: object) -> None:
        self._finish()

    def _prepared(self, request: Request, body: bytes, size: int) -> None:
        """The definitions of parameters and columns follow, and an EOF behind either."""
        ok, number, columns, parameters = _PREPARE_OK.unpack_from(body)
        if ok != _OK:
            raise ValueError("not the answer to COM_STMT_PREPARE")
        self._asker.prepared(number, parameters)
        follow = (
            not (self._may_skip_both and size > _FLAG_OF_PREPARE_OK) or body[_FLAG_OF_PREPARE_OK]
        )
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
            self._read = self._result
        else:
            count, position = _read_count(body)
            follow = not self._may_skip_columns or body[position]
            self._pass_over(count if follow else 0)

    def _pass_over(self, definitions: int) -> None:
        self._packets.passing = definitions
        if not definitions:
            self.passed()

    def passed(self) -> None:
        if self.pending[0].command == Command.STMT_PREPARE:
            self._finish()
        elif self._has_eofs:
            self._read = self._columns_end
        else:
            self._begin_rows()

    def _columns_end(self, request: Request, body: bytes, size: int) -> None:
        if body[0] != _EOF or size > _LONGEST_EOF:
            raise ValueError("columns have no end")
        status = self._read_end(request, body, size)
        if status & _CURSOR_EXISTS and request.command == Command.STMT_EXECUTE:
            self._end_result(request, status)  # its rows are fetched
        else:
            self._begin_rows()

    def _begin_rows(self) -> None:
        self._packets.in_rows, self._packets.rows = True, 0
        self._read = self._rows_end

    def _rows_end(self, request: Request, body: bytes, size: int) -> None:
        if size > (_LONGEST_EOF if self._has_eofs else MAX_PAYLOAD - 1):
            self._packets.rows += 1  # its first column has 16 MiB and more
            return
        request.rows += self._packets.rows
        self._packets.in_rows = False
        self._end_result(request, self._read_end(request, body, size))

    def _end_result(self, request: Request, status: int) -> None:
        if status & _MORE_RESULTS:
            self._read = self._result
        else:
            self._finish()

    # -- ends -------------------------------------------------------------------------------------

    def _read_end(self, request: Request, body: bytes, size: int) -> int:
        """The status that an OK or EOF tells, and what the request has done by then."""
        if body[0] == _EOF and size < _SHORTEST_OK:
            warnings, status = _uint16_pair(body, 1)
        elif body[0] in (_OK, _EOF):
            rows, status, warnings = _read_ok(body)
            request.affected_rows += rows
        else:
            raise ValueError("neither OK nor EOF")
        request.warnings += warnings
        self._status = status
        return status

    def _error(self, request: Request, error: ErrPacket) -> None:
        if error.code == _PROGRESS and self._reports_progress:
            return
        request.error, request.sqlstate = error.code, error.sqlstate
        request.rows += self._packets.rows if self._packets.in_rows else 0
        self._finish()

    def _finish(self) -> None:
        self._packets.in_rows, self._packets.passing = False, 0
        self._read = self._first
        self._asker.answered()


_FIRST: Mapping[int, Callable[[Replies, Request, bytes, int], None]] = {
    Command.QUERY: Replies._result,
    Command.PROCESS_INFO: Replies._result,
    Command.STMT_EXECUTE: Replies._result,
    Command.STMT_BULK_EXECUTE: Replies._result,
    Command.STMT_PREPARE: Replies._prepared,
    Command.STATISTICS: Replies._text,
    Command.CHANGE_USER: Replies._proof_or_ok,
    Command.STMT_FETCH: Replies._row_or_end,
    Command.FIELD_LIST: Replies._row_or_end,
    Command.BINLOG_DUMP: Replies._row_or_end,
    Command.BINLOG_DUMP_GTID: Replies._row_or_end,
    Command.TABLE_DUMP: Replies._row_or_end,
}

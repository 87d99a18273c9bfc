cimport cython

from protocols.mysql.commands cimport Pending, Request
from protocols.mysql.frames cimport PacketReader, Packets, Stream

cdef int _MORE_RESULTS, _CURSOR_EXISTS, _NO_BACKSLASH_ESCAPES
cdef int _OK, _LOCAL_FILE, _EOF, _ERR
cdef int _LONG_INTEGER, _LONGEST_EOF, _SHORTEST_OK, _FLAG_OF_PREPARE_OK, _MOST_DEFINITIONS
cdef int _EXECUTE, _PREPARE
cdef int _AT_FIRST, _AT_RESULT, _AT_COLUMNS_END, _AT_ROWS_END
cdef int _SIMPLE, _RESULT, _PREPARED, _TEXT, _PROOF, _ROWS
cdef bytes _FIRSTS


cdef int _uint16(bytes body, Py_ssize_t position) except -1


cdef class Asker:
    cpdef answered(self)
    cpdef prepared(self, long long number, long long parameters)
    cpdef wants_file(self, bytes name)
    cpdef wants_proof(self)
    cpdef gave_up(self)


cdef class Replies(PacketReader):
    cdef readonly Pending pending
    cdef readonly Stream stream
    cdef Packets _packets
    cdef Asker _asker
    cdef int _status
    cdef bint _has_eofs
    cdef Py_ssize_t _longest_end
    cdef bint _may_skip_both
    cdef bint _may_skip_columns
    cdef bint _reports_progress
    cdef int _at
    cpdef quoting(self)
    @cython.locals(request=Request)
    cpdef bint packet(self, bytes body, Py_ssize_t size) except -1
    cdef _unasked(self, bytes body)
    cdef _read(self, Request request, bytes body, Py_ssize_t size)
    @cython.locals(first=int)
    cdef _first(self, Request request, bytes body, Py_ssize_t size)
    cdef _ok_or_eof(self, Request request, bytes body, Py_ssize_t size)
    @cython.locals(
        low="long long", high="long long", columns=int, parameters=int, told=bint, follow=bint,
        definitions=int, eofs=int
    )
    cdef _prepared(self, bytes body)
    cdef _proof_or_ok(self, Request request, bytes body, Py_ssize_t size)
    cdef _row_or_end(self, Request request, bytes body, Py_ssize_t size)
    cdef _result(self, Request request, bytes body, Py_ssize_t size)
    @cython.locals(follow=bint)
    cdef _columns(self, bytes body, long long count, Py_ssize_t position)
    cdef _pass_over(self, long long definitions)
    @cython.locals(request=Request)
    cpdef passed(self)
    @cython.locals(status=int)
    cdef _columns_end(self, Request request, bytes body, Py_ssize_t size)
    cdef _begin_rows(self)
    cdef _rows_end(self, Request request, bytes body, Py_ssize_t size)
    cdef _end_result(self, Request request, int status)
    @cython.locals(position=Py_ssize_t)
    cdef int _read_end(self, Request request, bytes body, Py_ssize_t size) except -1
    cdef Py_ssize_t _read_affected(self, Request request, bytes body) except -1
    cdef _error(self, Request request, error)
    cdef _finish(self)

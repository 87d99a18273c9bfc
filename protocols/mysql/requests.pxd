cimport cython

from protocols.mysql.commands cimport Pending, Request
from protocols.mysql.frames cimport PacketReader, Packets, Stream
from protocols.mysql.replies cimport Replies
from protocols.mysql.statements cimport Prepared, Statement, read_statement

cdef int _QUERY, _PREPARE
cdef Py_ssize_t _LONGEST, _MOST_PENDING
cdef bytes _READABLE, _TEXTS, _EXECUTIONS


cdef bint _has_none(bytes query, Py_ssize_t position) except -1


@cython.locals(low="long long", high="long long")
cdef long long _number(bytes body) except -1


cdef class Requests(PacketReader):
    cdef readonly object statements
    cdef readonly bint goodbye_said
    cdef readonly long long files
    cdef readonly Stream stream
    cdef object _clock
    cdef Pending _pending
    cdef Replies _replies
    cdef bint _has_attributes
    cdef bint _keeps_values
    cdef bytes _unanswered
    cdef long long _weight
    cdef Request _at
    cdef object _long
    cdef bint _sends_file
    cdef bint _sends_proof
    cdef Packets _packets
    cdef Py_ssize_t _limit
    @cython.locals(size=Py_ssize_t)
    cpdef bint are_readable(self, bytes chunk) except -1
    cpdef want_file(self)
    cpdef want_proof(self)
    @cython.locals(command=int)
    cpdef bint packet(self, bytes body, Py_ssize_t size) except -1
    cpdef more(self, piece)
    cpdef end(self)
    cdef _said(self)
    cdef _take_file(self, bytes body, Py_ssize_t size)
    cdef _take_proof(self)
    cdef _take_unanswered(self, int command, bytes body)
    @cython.locals(request=Request)
    cdef _take_command(self, int command, bytes body, Py_ssize_t size)
    @cython.locals(sql=bytes, statement=Statement, whole=bint)
    cdef _read_text(self, Request request, bytes body, Py_ssize_t size)
    cdef Py_ssize_t _begin_of_text(self, bytes body) except -1
    @cython.locals(prepared=Prepared)
    cdef _read_execution(self, Request request, bytes body)

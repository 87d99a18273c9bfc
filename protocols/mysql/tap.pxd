cimport cython

from protocols.mysql.commands cimport Pending, Request
from protocols.mysql.events cimport query_event
from protocols.mysql.frames cimport Stream
from protocols.mysql.replies cimport Asker, Replies
from protocols.mysql.requests cimport Requests
from protocols.mysql.statements cimport Prepared, Statement

cdef Py_ssize_t _MAX_PENDING, _PENDING_AGAIN
cdef bytes _FORGETTING, _TOLD
cdef int _TOLD_AS_COMMAND, _TOLD_AS_QUERY, _UNTOLD
cdef int _QUERY, _PREPARE


cdef class MysqlTap(Asker):
    cdef object _emit
    cdef object _clock
    cdef bint _attributes
    cdef bint _compressed
    cdef public bint upstream_may_wait
    cdef bint _may_be_asked
    cdef Replies _replies
    cdef Requests _requests
    cdef Pending _pending
    cdef Stream _client
    cdef Stream _upstream
    cdef bint _was_full
    cdef bint _goodbye_said
    cpdef look_out(self)
    cpdef bint may_wait(self, bytes chunk) except -1
    cpdef client_sent(self, chunk)
    cpdef upstream_sent(self, chunk)
    cpdef close(self)
    @cython.locals(request=Request)
    cpdef answered(self)
    @cython.locals(request=Request, prepared=Prepared, told=Statement)
    cpdef prepared(self, long long number, long long parameters)
    @cython.locals(request=Request)
    cpdef wants_file(self, bytes name)
    cpdef wants_proof(self)
    cpdef gave_up(self)
    @cython.locals(told=int, done=bint, microseconds="long long", duration=double)
    cdef _report(self, Request request, bint finished=*)
    @cython.locals(prepared=Prepared)
    cdef _find_text(self, Request request)

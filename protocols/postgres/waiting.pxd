cimport cython

from protocols.postgres.frames cimport Copied, Receiver
from protocols.postgres.names cimport fit
from protocols.postgres.requests cimport Request, read_bind, read_execute, read_query
from protocols.postgres.statements cimport Statement


cdef class Waiting(Receiver):
    cdef public double now
    cdef readonly object pending
    cdef public bint skipping
    cdef readonly bint terminated
    cdef Copied _copied
    cdef bint _parameters
    cdef long long _copies_ended
    cdef long long _used
    cdef bint _was_full
    @cython.locals(head=Request)
    cpdef Request answered(self, Py_UCS4 kind)
    @cython.locals(head=Request)
    cpdef Request answering(self, str kinds)
    @cython.locals(sync=Request, end="long long")
    cpdef bint forget_ignored_syncs(self, Request copy) except -1
    cpdef skip_to_sync(self)
    cdef Statement _statement(self, str kind, bytes name, Statement statement)
    @cython.locals(request=Request)
    cdef _bind(self, bytes body)
    @cython.locals(row_limit="long long")
    cdef _execute(self, bytes body)
    @cython.locals(request=Request)
    cdef Request _put(self, str kind, bytes name)

cdef Py_ssize_t _MAX_PENDING, _PENDING_AGAIN
cdef int _BIND, _CLOSE, _DESCRIBE, _EXECUTE, _FUNCTION, _PARSE, _QUERY, _SYNC, _TERMINATE

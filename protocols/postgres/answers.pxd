cimport cython

from protocols.postgres.frames cimport Receiver
from protocols.postgres.reports cimport Reports
from protocols.postgres.requests cimport Request
from protocols.postgres.runs cimport Runs
from protocols.postgres.waiting cimport Waiting


cdef class Answers(Receiver):
    cdef readonly bint fatal
    cdef Waiting _waiting
    cdef Reports _reports
    cdef readonly Runs runs
    cdef Request _held
    @cython.locals(request=Request)
    cpdef close(self)
    cdef _take_rare(self, int kind, bytes body)
    @cython.locals(request=Request)
    cdef _parse_complete(self)
    @cython.locals(request=Request)
    cdef _bind_complete(self)
    @cython.locals(request=Request)
    cdef _close_complete(self)
    @cython.locals(request=Request)
    cdef _parameters_described(self, bytes types)
    @cython.locals(request=Request)
    cdef _function_called(self)
    @cython.locals(request=Request)
    cdef _command_complete(self, bytes tag)
    @cython.locals(request=Request)
    cdef _empty_query(self)
    cdef _executed(self, Request request)
    cdef _end(self, Request request)
    @cython.locals(request=Request)
    cdef _portal_suspended(self)
    @cython.locals(request=Request)
    cdef _copy_in(self)
    @cython.locals(request=Request)
    cdef _copy_both(self)
    @cython.locals(head=Request)
    cdef _ready_for_query(self, bytes status)
    @cython.locals(failed=Request)
    cdef _error(self, bytes body)
    cdef _commit_failed(self, Request sync)
    cdef _failed(self, Request request)

cdef int _BIND_COMPLETE, _COMMAND_COMPLETE, _ERROR, _PARSE_COMPLETE, _READY_FOR_QUERY
cdef Py_ssize_t _TAG_BYTES, _MAX_COMMANDS

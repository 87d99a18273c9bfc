cimport cython

from protocols.octets cimport behind_zero, cut, uint32
from protocols.postgres.reports cimport Reports
from protocols.postgres.requests cimport name_in
from protocols.postgres.runs cimport Runs
from protocols.postgres.statements cimport Statement


cdef class Express:
    cdef readonly bint waits
    cdef readonly bytes request
    cdef readonly double since
    cdef Runs _runs
    cdef Reports _reports
    cdef Py_ssize_t _bind
    cdef bint _described
    @cython.locals(size=Py_ssize_t, first=Py_ssize_t)
    cpdef bint take(self, bytes request, double now) except -1
    cpdef bytes give_back(self)
    @cython.locals(position=Py_ssize_t, end=Py_ssize_t, ready=Py_ssize_t)
    cpdef bint answered(self, bytes answer) except -1
    @cython.locals(behind=Py_ssize_t, end=Py_ssize_t, source=Py_ssize_t, rest=bytes)
    cdef bint _binds(self, bytes request, Py_ssize_t bind) except -1
    @cython.locals(position=Py_ssize_t, end=Py_ssize_t, headed=bint)
    cdef Py_ssize_t _behind_heads(self, bytes answer) except -2
    @cython.locals(request=bytes, begin=Py_ssize_t, source=bytes, statement=Statement)
    cdef _tell(self, bytes tag, int state)


cdef Statement _text(bytes request, Py_ssize_t begin)
@cython.locals(behind=Py_ssize_t)
cdef Py_ssize_t _behind_empty(bytes answer, Py_ssize_t position, int kind) except -2
@cython.locals(length=Py_ssize_t)
cdef Py_ssize_t _behind_message(bytes data, Py_ssize_t position, Py_ssize_t end) except -2

cdef Py_ssize_t _LONGEST, _TAG_BYTES
cdef int _BIND, _PARSE, _QUERY, _PARSED, _BOUND, _COLUMNS, _NO_DATA, _ROW, _COMMAND, _READY, _IDLE
cdef bytes _DESCRIBE_PORTAL, _EXECUTE_AND_SYNC
cdef dict _STATES

cimport cython

from protocols.octets cimport quoted
from protocols.postgres.frames cimport Copied
from protocols.postgres.requests cimport Request
from protocols.postgres.statements cimport Statement


cdef class PostgresQuery:
    cdef public str statement
    cdef public long long statement_bytes
    cdef public object statement_sha256
    cdef public object parameters
    cdef public object parameters_cut
    cdef public str protocol
    cdef public tuple commands
    cdef public object rows
    cdef public long long copied_bytes
    cdef public double duration_ms
    cdef public object sqlstate
    cdef public object transaction
    cdef public bint finished
    @cython.locals(microseconds="long long")
    cpdef str json_fields(self)
    cdef str _ran(self)
    cdef str _seldom_told(self)


cdef class Reports:
    cdef object _emit
    cdef object _clock
    cdef Copied _copied
    @cython.locals(event=PostgresQuery)
    cpdef query(self, Request request, transaction=*, bint finished=*)
    @cython.locals(event=PostgresQuery)
    cpdef ran(self, Statement statement, str protocol, tuple ended, double since, str transaction)
    @cython.locals(microseconds="long long")
    cdef _tell(self, PostgresQuery event, Statement statement, double since, transaction, bint finished)
    cdef _tell_more(self, PostgresQuery event, Statement statement)
    cpdef prepared(self, bytes name, Statement statement)
    cpdef streaming(self, Statement statement)


cdef str _NULL, _TRUE, _FALSE, _NOT_TOLD
cdef dict _STATES

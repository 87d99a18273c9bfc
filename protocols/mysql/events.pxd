cimport cython

from protocols.mysql.commands cimport Request
from protocols.mysql.statements cimport Statement
from protocols.octets cimport quoted

cdef str _NULL
cdef int _QUERY
cdef tuple _NAMES


cdef class MysqlQuery:
    cdef public str statement
    cdef public long long statement_bytes
    cdef public object statement_sha256
    cdef public str protocol
    cdef public str command
    cdef public object parameters
    cdef public long long rows
    cdef public object affected_rows
    cdef public long long warnings
    cdef public long long loaded_bytes
    cdef public double duration_ms
    cdef public object error_code
    cdef public object sqlstate
    cdef public bint finished
    @cython.locals(microseconds="long long")
    cpdef str json_fields(self)


cdef str _in_json(str text)


@cython.locals(statement=Statement, event=MysqlQuery)
cpdef MysqlQuery query_event(
    Request request, double duration_ms, bint finished, bint attributes
)

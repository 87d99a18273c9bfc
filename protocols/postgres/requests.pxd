cimport cython

from protocols.octets cimport behind_zero, cut, uint32
from protocols.postgres.statements cimport Statement


cdef class Request:
    cdef public Py_UCS4 kind
    cdef public double started
    cdef public long long copies_before
    cdef public bytes name
    cdef public bytes source
    cdef public Statement statement
    cdef public object parameters
    cdef public long long row_limit
    cdef public long long copies_begun
    cdef public bint answered
    cdef public tuple commands
    cdef public object rows
    cdef public object sqlstate


@cython.locals(position=Py_ssize_t, end=Py_ssize_t, body=Py_ssize_t, behind=Py_ssize_t, kind="unsigned char")
cpdef bint are_readable(bytes chunk) except -1
@cython.locals(behind=Py_ssize_t)
cpdef Statement read_query(bytes body, Py_ssize_t size)
@cython.locals(source=Py_ssize_t, rest=Py_ssize_t)
cpdef tuple read_bind(bytes body)
@cython.locals(limit=Py_ssize_t)
cpdef tuple read_execute(bytes body)
@cython.locals(behind=Py_ssize_t)
cdef Py_ssize_t _behind_name(bytes body, Py_ssize_t begin) except -1
cpdef bytes name_in(bytes body, Py_ssize_t begin, Py_ssize_t behind)
cdef unsigned char _BIND
cdef Py_ssize_t _KEPT, _NAME_BYTES

cimport cython

from protocols.mysql.statements cimport Prepared, Statement


cdef class Request:
    cdef public unsigned char command
    cdef public double started
    cdef public int sequence
    cdef public object detail
    cdef public Statement statement
    cdef public long long number
    cdef public Prepared prepared
    cdef public object values
    cdef public object long_data
    cdef public bint answering
    cdef public long long rows
    cdef public object affected_rows
    cdef public long long warnings
    cdef public long long loaded_bytes
    cdef public object error
    cdef public object sqlstate
    cpdef begin(self, int command, double started, int sequence)


cdef class Pending:
    cdef readonly Request first
    cdef readonly Py_ssize_t count
    cdef object _others
    cpdef add(self, Request request)
    @cython.locals(request=Request)
    cpdef Request take(self)

cimport cython

from protocols.mysql.tap cimport MysqlTap

cdef Py_ssize_t _HEADER
cdef unsigned char _ASKS_FOR_FILE


cdef class MysqlGate:
    cdef readonly long long decided
    cdef object _login
    cdef object _agreed
    cdef MysqlTap _tap
    cdef bytes _harmless
    cdef bytearray _held
    cdef Py_ssize_t _skip
    cdef bint _goes_on
    cdef long long _files
    cdef object _change
    cdef object _waits_for
    cdef bint _plain
    cdef Py_ssize_t _limit
    cdef bint _looks_out
    @cython.locals(size=Py_ssize_t, head=bytes, payload=Py_ssize_t)
    cpdef client_sent(self, chunk)
    cpdef upstream_sent(self, chunk)

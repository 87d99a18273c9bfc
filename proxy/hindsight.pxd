cimport cython

from proxy.syscalls cimport now


cdef class Hindsight:
    cdef object _waiting
    cdef Py_ssize_t _bytes
    cdef object _at
    cdef object _timer
    cpdef clock(self)
    cpdef put(self, show, bytes data)
    @cython.locals(data=bytes)
    cpdef catch_up(self)

cimport cython

from proxy.syscalls cimport now


cdef class Shown:
    cpdef show(self, chunk, bint from_client)


cdef class Hindsight:
    cdef object _waiting
    cdef Py_ssize_t _chunks
    cdef Py_ssize_t _bytes
    cdef object _at
    cdef object _timer
    cpdef clock(self)
    cpdef put(self, Shown shown, bytes data, bint from_client)
    @cython.locals(shown=Shown, from_client=bint, data=bytes)
    cpdef catch_up(self)


cdef Py_ssize_t _MOST, _MOST_BYTES

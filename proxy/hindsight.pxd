cdef class Hindsight:
    cdef object _waiting
    cdef Py_ssize_t _bytes
    cdef object _at
    cdef object _timer
    cpdef put(self, show, bytes data)
    cpdef catch_up(self)

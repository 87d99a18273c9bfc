cimport cython

from proxy.hindsight cimport Hindsight, Shown


cdef class Observer(Shown):
    cdef object _tap
    cdef object _may_wait
    cdef object _see_client
    cdef object _see_upstream
    cdef Hindsight _hindsight
    cdef object _relay
    cdef bint _held
    cdef bint _failed
    cdef bint _upstream_may_wait
    cpdef client_sent(self, bytes chunk)
    @cython.locals(kept=bytes)
    cpdef upstream_sent(self, chunk)
    cpdef catch_up(self)


cdef Py_ssize_t _SHORT

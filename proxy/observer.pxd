from proxy.hindsight cimport Hindsight


cdef class Observer:
    cdef object _tap
    cdef Hindsight _hindsight
    cdef object _relay
    cdef bint _held
    cdef bint _failed
    cpdef client_sent(self, chunk)
    cpdef upstream_sent(self, chunk)
    cpdef catch_up(self)
    cdef _show(self, see, chunk)

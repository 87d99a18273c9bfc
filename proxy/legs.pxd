from proxy.readiness cimport Readiness, Watcher
from proxy.syscalls cimport receive, send


cdef class Leg:
    cdef readonly object socket
    cdef int _descriptor
    cdef Readiness _readiness
    cpdef watch_reading(self, Watcher watcher)
    cpdef watch_writing(self, Watcher watcher)
    cpdef leave_reading(self)
    cpdef leave_writing(self)
    cpdef bint pending(self) except -1
    cpdef bytes receive(self)
    cpdef bint send(self, data) except -1
    cpdef bint flush(self) except -1


cdef class PlainLeg(Leg):
    cdef bytes _backlog


cdef class TlsLeg(Leg):
    cdef object _tls
    cdef object _incoming
    cdef object _outgoing
    cdef PlainLeg _wire

cimport cython

from proxy.legs cimport Leg
from proxy.observer cimport Observer
from proxy.readiness cimport Watcher


cdef class Pipe(Watcher):
    cdef object _relay
    cdef object _from
    cdef object _to
    cdef bint _from_client
    cdef Leg _source
    cdef Leg _sink
    cdef Observer _observer
    cdef object _decide
    cdef bint blocked
    cdef bint held
    cdef bint stopped
    cdef readonly long long moved
    @cython.locals(chunk=bytes)
    cpdef readable(self)
    cdef bint _move(self, bytes chunk) except -1
    cdef _decided(self, chunk)
    cdef _read_again(self)

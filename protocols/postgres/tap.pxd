cimport cython

from protocols.postgres.answers cimport Answers
from protocols.postgres.express cimport Express
from protocols.postgres.frames cimport Frames
from protocols.postgres.requests cimport are_readable
from protocols.postgres.waiting cimport Waiting


cdef class PostgresTap:
    cdef object _clock
    cdef Waiting _waiting
    cdef Answers _answers
    cdef Express _express
    cdef bint _parameters
    cdef Frames _client
    cdef Frames _upstream
    cpdef may_wait(self, bytes chunk)
    @cython.locals(said=bytes, now=double)
    cpdef client_sent(self, chunk)
    @cython.locals(said=bytes)
    cpdef upstream_sent(self, chunk)
    cpdef close(self)
    cdef _take_the_long_way(self)
    @cython.locals(waiting=Waiting)
    cdef bint _is_quiet(self) except -1

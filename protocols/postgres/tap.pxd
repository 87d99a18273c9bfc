from protocols.postgres.answers cimport Answers
from protocols.postgres.frames cimport Frames
from protocols.postgres.requests cimport are_readable
from protocols.postgres.waiting cimport Waiting


cdef class PostgresTap:
    cdef object _clock
    cdef Waiting _waiting
    cdef Answers _answers
    cdef Frames _client
    cdef Frames _upstream
    cpdef may_wait(self, bytes chunk)
    cpdef client_sent(self, chunk)
    cpdef upstream_sent(self, chunk)
    cpdef close(self)

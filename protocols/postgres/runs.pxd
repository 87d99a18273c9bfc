from protocols.postgres.names cimport Names
from protocols.postgres.reports cimport Reports
from protocols.postgres.requests cimport Request
from protocols.postgres.statements cimport Statement


cdef class Runs:
    cdef Reports _reports
    cdef Names _statements
    cdef Names _portals
    cdef dict _suspended
    cpdef prepare(self, Request parse)
    cpdef name(self, bytes name, Statement statement)
    cpdef describe(self, bytes name, bytes types)
    cpdef find_source(self, Request bind)
    cpdef bind(self, Request bind)
    cpdef Statement run(self, bytes source, bint goes_on)
    cpdef close(self, bytes target)
    cpdef resume(self, Request execute)
    cpdef suspend(self, Request execute)
    cpdef end_transaction(self, state)
    cpdef abandon(self)

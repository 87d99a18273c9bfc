from protocols.postgres.statements cimport Statement

cdef class Names:
    cdef public dict _statements
    cdef public long long _used
    cpdef put(self, bytes name, Statement statement)
    cpdef Statement get(self, bytes name)
    cpdef drop(self, bytes name)
    cpdef clear(self)

cpdef Statement fit(Statement statement, long long used)

from protocols.postgres.redaction cimport may_say_password, redact


cdef class Statement:
    cdef public bytes text
    cdef public object whole
    cdef public bytes types
    cdef public object parameters
    cdef str _told
    cpdef Statement described(self, bytes types)
    cpdef Statement bound(self, parameters)
    cpdef Statement shortened(self, Py_ssize_t length)

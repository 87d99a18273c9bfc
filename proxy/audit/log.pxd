cimport cython


cdef class AuditLog:
    cdef public object on_failure
    cdef str _name
    cdef object _file
    cdef list _unwritten
    cdef object _timer
    cdef object _broken
    cdef long long _second
    cdef long long _millisecond
    cdef str _date
    cdef str _time
    @cython.locals(line=str)
    cpdef record(self, event, str context)
    cpdef flush(self)
    @cython.locals(millisecond="long long", second="long long")
    cdef str _now(self)

@cython.locals(fields=str)
cpdef str json_fields(event)

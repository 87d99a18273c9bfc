cdef class Watcher:
    cpdef readable(self)
    cpdef writable(self)


cdef class Readiness:
    cdef object _loop
    cpdef watch_reading(self, int descriptor, Watcher watcher)
    cpdef watch_writing(self, int descriptor, Watcher watcher)
    cpdef leave_reading(self, int descriptor)
    cpdef leave_writing(self, int descriptor)


cdef class EpollReadiness(Readiness):
    cdef dict _readers
    cdef dict _writers
    cdef object _epoll
    cdef _register(self, int descriptor, bint known)
    cdef _tell(self, int descriptor, int events)

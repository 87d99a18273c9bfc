cimport cython

from proxy.syscalls cimport Found, now


cdef class Watcher:
    cpdef readable(self)
    cpdef writable(self)


cdef class Readiness:
    cpdef watch_reading(self, int descriptor, Watcher watcher)
    cpdef watch_writing(self, int descriptor, Watcher watcher)
    cpdef leave_reading(self, int descriptor)
    cpdef leave_writing(self, int descriptor)


cdef class EpollReadiness(Readiness):
    cdef object _epoll
    cdef object _loop
    cdef Found _found
    cdef list _readers
    cdef list _writers
    @cython.locals(until=double, left=double, number=int, descriptor=int, events=int, timers=Py_ssize_t)
    cpdef list serve(self, double timeout)
    @cython.locals(reader=Watcher, writer=Watcher)
    cdef _tell(self, int descriptor, int events)
    cdef bint _watched(self, int descriptor) except -1
    cdef _register(self, int descriptor, bint known)
    cdef Py_ssize_t _timers(self) except -1
    cdef bint _has_work(self, Py_ssize_t timers) except -1


cdef int _IN, _OUT

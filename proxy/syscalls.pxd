cdef extern from "sys/epoll.h" nogil:
    ctypedef union epoll_data_t:
        int fd
    struct epoll_event:
        unsigned int events
        epoll_data_t data
    int epoll_wait(int, epoll_event *, int, int)


cpdef bytes receive(int descriptor)
cpdef Py_ssize_t send(int descriptor, object data) except -1
cpdef double now() except -1


cdef class Found:
    cdef object _epoll
    cdef int _descriptor
    cdef epoll_event[64] _events
    cpdef int wait(self, double seconds) except -1
    cpdef int descriptor(self, int number)
    cpdef int events(self, int number)

"""See `syscalls.py`: the same in C."""

from cpython.buffer cimport PyBUF_SIMPLE, PyBuffer_Release, PyObject_GetBuffer
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_CheckExact, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from cpython.exc cimport PyErr_CheckSignals, PyErr_SetFromErrno
from libc.errno cimport EAGAIN, EINTR, errno
from libc.math cimport ceil
from posix.time cimport CLOCK_MONOTONIC, clock_gettime, timespec

cdef extern from "sys/socket.h" nogil:
    ssize_t c_recv "recv"(int, void *, size_t, int)
    ssize_t c_send "send"(int, const void *, size_t, int)
    int MSG_NOSIGNAL

cdef char _buffer[65_536]  # one loop, one thread


cpdef bytes receive(int descriptor):
    cdef ssize_t size = c_recv(descriptor, _buffer, sizeof(_buffer), 0)
    while size < 0 and errno == EINTR:
        size = c_recv(descriptor, _buffer, sizeof(_buffer), 0)
    if size < 0:
        if errno == EAGAIN:
            return None
        PyErr_SetFromErrno(OSError)
    return PyBytes_FromStringAndSize(_buffer, size)


cpdef Py_ssize_t send(int descriptor, object data) except -1:
    cdef Py_buffer view
    cdef ssize_t sent
    if PyBytes_CheckExact(data):
        sent = _send(descriptor, PyBytes_AS_STRING(data), PyBytes_GET_SIZE(data))
    else:
        PyObject_GetBuffer(data, &view, PyBUF_SIMPLE)
        sent = _send(descriptor, <char *>view.buf, view.len)
        PyBuffer_Release(&view)
    if sent >= 0:
        return sent
    if errno == EAGAIN:
        return 0
    PyErr_SetFromErrno(OSError)


cdef ssize_t _send(int descriptor, const char *data, size_t size):
    cdef ssize_t sent = c_send(descriptor, data, size, MSG_NOSIGNAL)
    while sent < 0 and errno == EINTR:
        sent = c_send(descriptor, data, size, MSG_NOSIGNAL)
    return sent


cpdef double now() except -1:
    cdef timespec moment
    clock_gettime(CLOCK_MONOTONIC, &moment)
    return moment.tv_sec + moment.tv_nsec / 1e9


cdef class Found:
    def __init__(self, epoll):
        self._epoll = epoll
        self._descriptor = epoll.fileno()

    cpdef int wait(self, double seconds) except -1:
        cdef int found, milliseconds = -1 if seconds < 0 else <int>min(ceil(seconds * 1000), 1e9)
        with nogil:
            found = epoll_wait(self._descriptor, self._events, 64, milliseconds)
        if found < 0:
            if errno != EINTR:
                PyErr_SetFromErrno(OSError)
            PyErr_CheckSignals()
            return 0
        return found

    cpdef int descriptor(self, int number):
        return self._events[number].data.fd

    cpdef int events(self, int number):
        return self._events[number].events

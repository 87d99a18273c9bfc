"""See `syscalls.py`: the same in C."""

from cpython.buffer cimport PyBUF_SIMPLE, PyBuffer_Release, PyObject_GetBuffer
from cpython.bytes cimport PyBytes_FromStringAndSize
from cpython.exc cimport PyErr_SetFromErrno
from cpython.memoryview cimport PyMemoryView_FromMemory
from libc.errno cimport EAGAIN, EINTR, errno

cdef extern from "sys/socket.h" nogil:
    ssize_t c_recv "recv"(int, void *, size_t, int)
    ssize_t c_send "send"(int, const void *, size_t, int)

cdef extern from "Python.h":
    int PyBUF_READ

SHORT = 2_048

cdef char _buffer[65_536]


cpdef object receive(int descriptor):
    cdef ssize_t size = c_recv(descriptor, _buffer, sizeof(_buffer), 0)
    while size < 0 and errno == EINTR:
        size = c_recv(descriptor, _buffer, sizeof(_buffer), 0)
    if size < 0:
        if errno == EAGAIN:
            return None
        PyErr_SetFromErrno(OSError)
    if size <= 2_048:
        return PyBytes_FromStringAndSize(_buffer, size)
    return PyMemoryView_FromMemory(_buffer, size, PyBUF_READ)


cpdef Py_ssize_t send(int descriptor, object data) except -1:
    cdef Py_buffer view
    cdef ssize_t sent
    PyObject_GetBuffer(data, &view, PyBUF_SIMPLE)
    sent = c_send(descriptor, view.buf, view.len, 0)
    while sent < 0 and errno == EINTR:
        sent = c_send(descriptor, view.buf, view.len, 0)
    PyBuffer_Release(&view)
    if sent >= 0:
        return sent
    if errno == EAGAIN:
        return 0
    PyErr_SetFromErrno(OSError)
    return -1

cimport cython

from protocols.octets cimport cut, uint32


cdef class Receiver:
    cdef readonly bytes wants
    cpdef take(self, int kind, bytes body, Py_ssize_t size)


cdef class Copied:
    cdef public long long bytes
    cdef public long long told
    @cython.locals(untold="long long")
    cpdef tell(self)


cdef class Frames:
    cdef Receiver _receiver
    cdef bytes _wants
    cdef object _fault
    cdef Copied _copied
    cdef bytearray _head
    cdef Py_ssize_t _skip
    cdef object _rest
    cpdef bint at_boundary(self) except -1
    cpdef feed(self, chunk)
    @cython.locals(
        wants=bytes,
        body=bytes,
        position=Py_ssize_t,
        end=Py_ssize_t,
        kept=Py_ssize_t,
        length=Py_ssize_t,
        kind=int,
        wanted=int,
    )
    cdef _read(self, bytes data)
    cdef _show_rest(self, rest, bytes chunk, Py_ssize_t begin, Py_ssize_t end)
    @cython.locals(position=Py_ssize_t, after=Py_ssize_t, size=Py_ssize_t)
    cdef Py_ssize_t _complete(self, bytes chunk) except -1
    @cython.locals(length=Py_ssize_t, kind=int, kept=Py_ssize_t)
    cdef Py_ssize_t _missing(self) except -1


cdef int _PASSED, _TOLD, _SHOWN, _COPY_DATA
cdef Py_ssize_t _KEPT, _MAX_SIZE

cimport cython

from protocols.octets cimport cut

cdef Py_ssize_t _HEADER
cdef int _EOF, _ERR
cdef long long _ENDLESS


cdef class Stream:
    cdef public int sequence
    cpdef bint at_boundary(self) except -1
    cpdef feed(self, chunk)


cdef class PacketReader:
    cpdef bint packet(self, bytes body, Py_ssize_t size) except -1
    cpdef more(self, piece)
    cpdef end(self)
    cpdef passed(self)


cdef class Packets(Stream):
    cdef public Py_ssize_t kept
    cdef public long long passing
    cdef public bint in_rows
    cdef public long long rows
    cdef PacketReader _reader
    cdef Py_ssize_t _limit
    cdef bytearray _head
    cdef Py_ssize_t _skip
    cdef bint _goes_on
    cdef bint _wanted
    cpdef feed(self, chunk)
    @cython.locals(
        position=Py_ssize_t, end=Py_ssize_t, walked=Py_ssize_t, size=Py_ssize_t, body=Py_ssize_t,
        kept=Py_ssize_t, number=int
    )
    cdef _read(self, bytes data)
    @cython.locals(
        most="long long", count="long long", limit=Py_ssize_t, end=Py_ssize_t, last=Py_ssize_t,
        size=Py_ssize_t, stop=int
    )
    cdef Py_ssize_t _walk(self, bytes data, Py_ssize_t position) except -1
    cdef _count(self, long long packets)
    @cython.locals(first=int, goes_on=bint, wanted=bint)
    cdef _begin(self, Py_ssize_t size, int number, bytes body)
    cdef _end_if_over(self)
    @cython.locals(end=Py_ssize_t)
    cdef Py_ssize_t _skip_in(self, data, Py_ssize_t position) except -1
    @cython.locals(position=Py_ssize_t, head=bytes)
    cdef Py_ssize_t _go_on(self, chunk) except -1
    cdef Py_ssize_t _missing(self) except -1
    cdef bint _only_counts(self, Py_ssize_t size, int first) except -1

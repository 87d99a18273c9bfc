"""See `octets.py`: the same in C."""

from json.encoder import encode_basestring

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from libc.string cimport memchr, memcpy

cdef extern from "Python.h":
    bint PyUnicode_IS_COMPACT_ASCII(object)
    Py_ssize_t PyUnicode_GET_LENGTH(object)
    unsigned char *PyUnicode_1BYTE_DATA(object)
    object PyUnicode_New(Py_ssize_t, Py_UCS4)


cpdef Py_ssize_t uint32(bytes data, Py_ssize_t at) except -1:
    cdef const unsigned char *there = <const unsigned char *>PyBytes_AS_STRING(data)
    if at < 0 or at + 4 > PyBytes_GET_SIZE(data):
        raise ValueError("not four bytes")
    there += at
    return <Py_ssize_t>there[0] << 24 | there[1] << 16 | there[2] << 8 | there[3]


cpdef bytes cut(bytes data, Py_ssize_t begin, Py_ssize_t end):
    if begin < 0 or end > PyBytes_GET_SIZE(data) or end < begin:
        raise ValueError("not within the bytes")
    return PyBytes_FromStringAndSize(PyBytes_AS_STRING(data) + begin, end - begin)


cpdef Py_ssize_t behind_zero(bytes data, Py_ssize_t begin, Py_ssize_t end) except -1:
    cdef const char *first = PyBytes_AS_STRING(data)
    cdef const char *found
    end = min(end, PyBytes_GET_SIZE(data))
    if begin < 0 or begin >= end:
        return 0
    found = <const char *>memchr(first + begin, 0, end - begin)
    return 0 if found == NULL else found - first + 1


cpdef bint says_password(bytes text) except -1:
    cdef const unsigned char *at = <const unsigned char *>PyBytes_AS_STRING(text)
    cdef const unsigned char *end = at + PyBytes_GET_SIZE(text)
    cdef const unsigned char *word = b"password"
    cdef int place
    while at < end:
        if at[0] == c":":
            if end - at >= 3 and at[1] == c"/" and at[2] == c"/":
                return True
        elif at[0] | 32 == c"p" and end - at >= 8:
            place = 1
            while place < 8 and at[place] | 32 == word[place]:
                place += 1
            if place == 8:
                return True
        at += 1
    return False


cpdef str quoted(str text):
    cdef Py_ssize_t length, place
    cdef unsigned char *read
    cdef unsigned char *written
    if not PyUnicode_IS_COMPACT_ASCII(text):
        return encode_basestring(text)
    length = PyUnicode_GET_LENGTH(text)
    read = PyUnicode_1BYTE_DATA(text)
    for place in range(length):
        if read[place] < 32 or read[place] == c'"' or read[place] == c"\\":
            return encode_basestring(text)
    made = PyUnicode_New(length + 2, 127)
    written = PyUnicode_1BYTE_DATA(made)
    written[0] = written[length + 1] = c'"'
    memcpy(written + 1, read, length)
    return made

cimport cython

from protocols.mysql.packets cimport text
from protocols.mysql.redaction cimport says_secret

cdef Py_ssize_t _LONGEST, _MOST_TEXT


cdef class Statement:
    cdef public object text
    cdef public Py_ssize_t size
    cdef public object digest
    cpdef fit(self, Py_ssize_t beside)


cdef class Prepared:
    cdef public Statement statement
    cdef public object parameters
    cdef public object types
    cdef public dict long_data
    cdef public bint incomplete
    cdef public bint known


@cython.locals(begun=bytes, told=str, statement=Statement)
cpdef Statement read_statement(bytes sql, quoting)

cpdef Py_ssize_t uint32(bytes data, Py_ssize_t at) except -1
cpdef bytes cut(bytes data, Py_ssize_t begin, Py_ssize_t end)
cpdef Py_ssize_t behind_zero(bytes data, Py_ssize_t begin, Py_ssize_t end) except -1
cpdef bint says_password(bytes text) except -1
cpdef str quoted(str text)

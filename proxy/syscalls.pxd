cpdef object receive(int descriptor)
cpdef Py_ssize_t send(int descriptor, object data) except -1

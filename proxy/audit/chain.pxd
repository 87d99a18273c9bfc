cimport cython

from proxy.audit.digest cimport hexadecimal

cpdef str digest(bytes line)
@cython.locals(lines=list, line=bytes, event=bytes)
cpdef tuple link(events, str previous)

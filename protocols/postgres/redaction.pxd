from protocols.octets cimport says_password


cpdef bint may_say_password(bytes text) except -1
cpdef str redact(str statement, bint cut=*)
cdef bint _may_say(str text) except -1

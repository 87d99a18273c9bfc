cpdef bint says_password(str statement) except -1
cpdef bint says_secret(str statement) except -1

cpdef str hexadecimal(bytes line)

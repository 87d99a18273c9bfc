cpdef str text(bytes raw)

"""See `digest.py`: the same by the OpenSSL that hashlib has loaded, without what it is wrapped in.

Where hashlib has loaded none that can be called so, hashlib it is.
"""

import hashlib

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_GET_SIZE
from libc.stddef cimport size_t

cdef extern from "dlfcn.h" nogil:
    void *dlopen(const char *, int)
    void *dlsym(void *, const char *)
    int RTLD_LAZY, RTLD_NOLOAD

ctypedef int (*Init)(void *) noexcept nogil
ctypedef int (*Update)(void *, const void *, size_t) noexcept nogil
ctypedef int (*Final)(unsigned char *, void *) noexcept nogil

cdef Init _init = NULL
cdef Update _update = NULL
cdef Final _final = NULL


cdef void _find() noexcept:
    global _init, _update, _final
    cdef void *library = dlopen("libcrypto.so.3", RTLD_LAZY | RTLD_NOLOAD)
    if library != NULL:
        _update = <Update>dlsym(library, "SHA256_Update")
        _final = <Final>dlsym(library, "SHA256_Final")
        if _update != NULL and _final != NULL:
            _init = <Init>dlsym(library, "SHA256_Init")


cpdef str hexadecimal(bytes line):
    cdef unsigned char[256] state  # OpenSSL's SHA256_CTX has 112 bytes
    cdef unsigned char[32] digest
    cdef char[64] digits
    cdef int place
    if _init == NULL:
        return hashlib.sha256(line).hexdigest()
    _init(state)
    _update(state, PyBytes_AS_STRING(line), PyBytes_GET_SIZE(line))
    _final(digest, state)
    for place in range(32):
        digits[2 * place] = b"0123456789abcdef"[digest[place] >> 4]
        digits[2 * place + 1] = b"0123456789abcdef"[digest[place] & 15]
    return digits[:64].decode("ascii")


_find()

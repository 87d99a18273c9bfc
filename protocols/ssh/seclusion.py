"""Imports asyncssh before anybody else does, and keeps it from looking around on this machine.

It looks for two optional libraries by way of gcc, which would be given our environment, where
there may be secrets. We do without them: they are for MACs that our ciphers do not need, and for a
key exchange beside others. And it looks up who we are, for each connection, wherever accounts are
kept, and fails where we have no name, as in a container; we tell it all that it needs.
"""

import ctypes.util
from types import SimpleNamespace

_find_library = ctypes.util.find_library
ctypes.util.find_library = lambda name: None
try:
    from asyncssh import connection
finally:
    ctypes.util.find_library = _find_library

vars(connection)["getpass"] = SimpleNamespace(getuser=lambda: "")

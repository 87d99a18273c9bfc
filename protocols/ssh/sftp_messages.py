"""SFTP's messages, as far as the audit has to know them: what each request asks for.

Source: draft-ietf-secsh-filexfer-02, which is version 3, and OpenSSH's PROTOCOL, section 4, for
what it adds. Where both differ, in SYMLINK's order, this is as OpenSSH has it.
"""

from collections.abc import Callable, Mapping, Sequence
from enum import Enum, IntEnum
from typing import Any, NamedTuple

from protocols.ssh.encoding import Reader, string, told, uint32

VERSION = 3
LONGEST_HANDLE = 256  # bytes, by the draft
_LONGEST_TOLD = 4096  # bytes of a path, which is as long as one may be on Linux
PERMISSION_DENIED = 3
STATUS_NAMES = {
    0: "ok",
    1: "end of file",
    2: "no such file",
    3: "permission denied",
    4: "failure",
    5: "bad message",
    6: "no connection",
    7: "connection lost",
    8: "unsupported",
}


class Fxp(IntEnum):
    """Types of messages: requests, and then answers."""

    INIT = 1
    VERSION = 2
    OPEN = 3
    CLOSE = 4
    READ = 5
    WRITE = 6
    LSTAT = 7
    FSTAT = 8
    SETSTAT = 9
    FSETSTAT = 10
    OPENDIR = 11
    READDIR = 12
    REMOVE = 13
    MKDIR = 14
    RMDIR = 15
    REALPATH = 16
    STAT = 17
    RENAME = 18
    READLINK = 19
    SYMLINK = 20
    STATUS = 101
    HANDLE = 102
    DATA = 103
    NAME = 104
    ATTRS = 105
    EXTENDED = 200
    EXTENDED_REPLY = 201


class _Field(Enum):
    """What a request's fields mean, by the name that it has in `Request`."""

    PATH = "path"
    TARGET = "target"
    HANDLE = "handle"
    TARGET_HANDLE = "target_handle"
    FLAGS = "flags"
    OFFSET = "offset"
    SIZE = "size"
    LENGTH = "length"
    ATTRIBUTES = "attributes"


class Effect(Enum):
    """What a request does to files, at most."""

    LOOKS = "looks"
    READS = "reads"
    CHANGES = "changes"


class Request(NamedTuple):
    """One request, without the bytes of a file that it bears."""

    number: int
    operation: str
    effect: Effect
    path: str = ""
    target: str | None = None
    handle: bytes | None = None
    target_handle: bytes | None = None
    flags: int = 0
    offset: int = 0
    size: int = 0
    length: int = 0
    attributes: str | None = None


_READS_ONLY = 1  # of the flags to open a file with
APPENDS = 4
_PATH, _TARGET, _ATTRIBUTES = _Field.PATH, _Field.TARGET, _Field.ATTRIBUTES
_HANDLE, _OFFSET, _SIZE = _Field.HANDLE, _Field.OFFSET, _Field.SIZE
_Layout = tuple[str, Effect, Sequence[_Field]]

_REQUESTS: Mapping[int, _Layout] = {
    Fxp.OPEN: ("open", Effect.CHANGES, (_PATH, _Field.FLAGS)),
    Fxp.CLOSE: ("close", Effect.READS, (_HANDLE,)),
    Fxp.READ: ("read", Effect.READS, (_HANDLE, _OFFSET, _SIZE)),
    Fxp.WRITE: ("write", Effect.CHANGES, (_HANDLE, _OFFSET, _SIZE)),
    Fxp.LSTAT: ("lstat", Effect.LOOKS, (_PATH,)),
    Fxp.FSTAT: ("fstat", Effect.LOOKS, (_HANDLE,)),
    Fxp.SETSTAT: ("setstat", Effect.CHANGES, (_PATH, _ATTRIBUTES)),
    Fxp.FSETSTAT: ("setstat", Effect.CHANGES, (_HANDLE, _ATTRIBUTES)),
    Fxp.OPENDIR: ("opendir", Effect.READS, (_PATH,)),
    Fxp.READDIR: ("readdir", Effect.LOOKS, (_HANDLE,)),
    Fxp.REMOVE: ("remove", Effect.CHANGES, (_PATH,)),
    Fxp.MKDIR: ("mkdir", Effect.CHANGES, (_PATH, _ATTRIBUTES)),
    Fxp.RMDIR: ("rmdir", Effect.CHANGES, (_PATH,)),
    Fxp.REALPATH: ("realpath", Effect.LOOKS, (_PATH,)),
    Fxp.STAT: ("stat", Effect.LOOKS, (_PATH,)),
    Fxp.RENAME: ("rename", Effect.CHANGES, (_PATH, _TARGET)),
    Fxp.READLINK: ("readlink", Effect.LOOKS, (_PATH,)),
    Fxp.SYMLINK: ("symlink", Effect.CHANGES, (_TARGET, _PATH)),
}
_COPY = (_HANDLE, _OFFSET, _Field.LENGTH, _Field.TARGET_HANDLE)
_EXTENDED: Mapping[bytes, _Layout] = {
    b"posix-rename@openssh.com": ("rename", Effect.CHANGES, (_PATH, _TARGET)),
    b"hardlink@openssh.com": ("hardlink", Effect.CHANGES, (_TARGET, _PATH)),
    b"lsetstat@openssh.com": ("setstat", Effect.CHANGES, (_PATH, _ATTRIBUTES)),
    b"fsync@openssh.com": ("fsync", Effect.CHANGES, (_HANDLE,)),
    b"copy-data": ("copy", Effect.CHANGES, _COPY),
    b"statvfs@openssh.com": ("statvfs", Effect.LOOKS, (_PATH,)),
    b"fstatvfs@openssh.com": ("statvfs", Effect.LOOKS, (_HANDLE,)),
    b"expand-path@openssh.com": ("expand-path", Effect.LOOKS, (_PATH,)),
    b"home-directory": ("home-directory", Effect.LOOKS, (_PATH,)),
    b"users-groups-by-id@openssh.com": ("users-groups-by-id", Effect.LOOKS, ()),
    b"limits@openssh.com": ("limits", Effect.LOOKS, ()),
}


def decode_request(kind: int, message: bytes | bytearray) -> Request:
    """A request whose type is `kind`, of its bytes behind that. What nobody knows may do anything,
    and is told by its name."""
    reader = Reader(message)
    number = reader.uint32()
    if kind == Fxp.EXTENDED:
        name = reader.string()
        operation, effect, fields = _EXTENDED.get(name, (told(name, 64), Effect.CHANGES, ()))
    else:
        operation, effect, fields = _REQUESTS.get(kind, (f"type {kind}", Effect.CHANGES, ()))
    values = {field.value: _READ[field](reader) for field in fields}
    if kind == Fxp.OPEN and values["flags"] in (0, _READS_ONLY):
        effect = Effect.READS
    return Request(number, operation, effect, **values)


def status(number: int, code: int, sentence: str) -> bytes:
    """An answer, with its length."""
    body = bytes((Fxp.STATUS,)) + uint32(number) + uint32(code)
    return string(body + string(sentence.encode()) + string(b"en"))


def _path(reader: Reader) -> str:
    return told(reader.string(), _LONGEST_TOLD)


def _attributes(reader: Reader) -> str:
    """In words: `mode=0644 size=0`."""
    flags = reader.uint32()
    words = []
    if flags & 1:
        words.append(f"size={reader.uint64()}")
    if flags & 2:
        words.append(f"uid={reader.uint32()} gid={reader.uint32()}")
    if flags & 4:
        words.append(f"mode={reader.uint32() & 0o7777:04o}")
    if flags & 8:
        words.append(f"atime={reader.uint32()} mtime={reader.uint32()}")
    return " ".join(words)


def _handle(reader: Reader) -> bytes:
    return reader.string(LONGEST_HANDLE)


_READ: Mapping[_Field, Callable[[Reader], Any]] = {
    _Field.PATH: _path,
    _Field.TARGET: _path,
    _Field.HANDLE: _handle,
    _Field.TARGET_HANDLE: _handle,
    _Field.FLAGS: Reader.uint32,
    _Field.OFFSET: Reader.uint64,
    _Field.SIZE: Reader.uint32,
    _Field.LENGTH: Reader.uint64,
    _Field.ATTRIBUTES: _attributes,
}

"""SFTP's messages as bytes, and a connection in which one channel speaks it."""

from protocols.ssh.encoding import string, uint32, uint64
from protocols.ssh.events import SshSftp
from protocols.ssh.options import SshOptions
from protocols.ssh.sftp_messages import Fxp
from tests.protocols.script import WHOLE
from tests.protocols.ssh.connection import WINDOW, Connection, contents, data

READ, WRITE, APPEND, CREAT, TRUNC, EXCL = 1, 2, 4, 8, 16, 32
NO_ATTRIBUTES = uint32(0)
OK, END, NO_SUCH_FILE, DENIED, FAILURE = 0, 1, 2, 3, 4
HANDLE = b"\0\0\0\0"
REFUSAL = b"this role does not allow changes by SFTP"


def message(kind: int, number: int, *fields: bytes) -> bytes:
    return string(bytes((kind,)) + uint32(number) + b"".join(fields))


def init(version: int = 3, *extensions: bytes) -> bytes:
    return message(Fxp.INIT, version, *map(string, extensions))


def version(number: int = 3) -> bytes:
    return message(Fxp.VERSION, number, string(b"limits@openssh.com"), string(b"1"))


def open_file(number: int, path: bytes, flags: int) -> bytes:
    return message(Fxp.OPEN, number, string(path), uint32(flags), NO_ATTRIBUTES)


def close_file(number: int, handle: bytes = HANDLE) -> bytes:
    return message(Fxp.CLOSE, number, string(handle))


def read(number: int, offset: int, size: int, handle: bytes = HANDLE) -> bytes:
    return message(Fxp.READ, number, string(handle), uint64(offset), uint32(size))


def write(number: int, offset: int, content: bytes, handle: bytes = HANDLE) -> bytes:
    return message(Fxp.WRITE, number, string(handle), uint64(offset), string(content))


def extended(number: int, name: bytes, *fields: bytes) -> bytes:
    return message(Fxp.EXTENDED, number, string(name), *fields)


def handle(number: int, content: bytes = HANDLE) -> bytes:
    return message(Fxp.HANDLE, number, string(content))


def file_data(number: int, content: bytes) -> bytes:
    return message(Fxp.DATA, number, string(content))


def status(number: int, code: int = OK, sentence: bytes = b"so it is") -> bytes:
    return message(Fxp.STATUS, number, uint32(code), string(sentence), string(b"en"))


def attrs(number: int) -> bytes:
    return message(Fxp.ATTRS, number, NO_ATTRIBUTES)


def names(number: int, *found: bytes) -> bytes:
    entries = (string(name) + string(b"-rw") + NO_ATTRIBUTES for name in found)
    return message(Fxp.NAME, number, uint32(len(found)), *entries)


def refusal(number: int) -> bytes:
    """What the client is told of a request that the role does not allow."""
    return message(Fxp.STATUS, number, uint32(DENIED), string(REFUSAL), string(b"en"))


class Files:
    """A client and its SFTP server. What each sends comes in packets of `cut` bytes."""

    def __init__(
        self, cut: int = WHOLE, options: SshOptions | None = None, window: int = WINDOW
    ) -> None:
        self.connection = Connection(options or SshOptions())
        self.connection.open(window=window)
        self.connection.run(b"subsystem", b"sftp")
        self._cut = cut

    def ask(self, *messages: bytes) -> None:
        self.connection.client(*self._packets(100, b"".join(messages)))

    def answer(self, *messages: bytes) -> None:
        self.connection.upstream(*self._packets(0, b"".join(messages)))

    def _packets(self, recipient: int, content: bytes) -> list[bytes]:
        starts = range(0, len(content), self._cut)
        return [data(recipient, content[start : start + self._cut]) for start in starts]

    def taken(self) -> tuple[bytes, bytes]:
        """What the client got, and what upstream did."""
        to_client, to_upstream = self.connection.taken()
        return contents(to_client), contents(to_upstream)

    @property
    def told(self) -> list[SshSftp]:
        return self.connection.told(SshSftp)


def did(operation: str, path: str, **more: object) -> SshSftp:
    """An event; what is not said is as it mostly is."""
    usual: dict[str, object] = {
        "target": None,
        "attributes": None,
        "bytes_read": 0,
        "bytes_written": 0,
        "sha256": None,
        "status": "ok",
        "duration_ms": 0,
        "finished": True,
    }
    return SshSftp(operation, path, **{**usual, **more})  # type: ignore[arg-type]

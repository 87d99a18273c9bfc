"""Files that a client has open by SFTP: what it reads and writes of each is counted and digested.

A digest is of one run of bytes from a file's first: as soon as they come in another order, it would
be of nothing that anybody has.
"""

from hashlib import sha256

from protocols.ssh.context import Context
from protocols.ssh.events import SshSftp
from protocols.ssh.sftp_messages import APPENDS, Effect, Request

_OK = "ok"


class _Run:
    """Bytes in one direction: those that the client sends, or is sent."""

    def __init__(self) -> None:
        self.size = 0
        self.in_order = True
        self._digest = sha256()

    def begin(self, offset: int) -> None:
        self.in_order &= offset == self.size

    def add(self, piece: memoryview) -> None:
        self.size += len(piece)
        if self.in_order:
            self._digest.update(piece)

    @property
    def sha256(self) -> str | None:
        return self._digest.hexdigest() if self.in_order and self.size else None


class OpenFile:
    """One file, or a directory, from the answer that opens it to the one that closes it."""

    def __init__(self, context: Context, request: Request, begun: float) -> None:
        self.path = request.path
        self.read = _Run()
        self.written = _Run()
        self.written.in_order = not request.flags & APPENDS
        self._context = context
        self._begun = begun
        self._is_directory = request.operation == "opendir"
        self._operation = "write" if request.effect is Effect.CHANGES else "read"
        self._status = _OK
        self._bytes_written = 0

    def failed(self, status: str) -> None:
        """The first failure is the one to tell."""
        if self._status == _OK:
            self._status = status

    def wrote(self, size: int) -> None:
        """Upstream says so."""
        self._bytes_written += size

    def close(self, *, finished: bool) -> None:
        """A directory's event is that of its opening."""
        if self._is_directory:
            return
        event = SshSftp(
            operation=self._operation,
            path=self.path,
            target=None,
            attributes=None,
            bytes_read=self.read.size,
            bytes_written=self._bytes_written,
            sha256=self._sha256,
            status=self._status,
            duration_ms=self._context.since(self._begun),
            finished=finished,
        )
        self._context.emit(event)

    @property
    def _sha256(self) -> str | None:
        if not self.written.size:
            return self.read.sha256
        whole = self.written.size == self._bytes_written and not self.read.size
        return self.written.sha256 if whole else None

"""Requests by SFTP and what upstream answered: pairs of both, and the files open between them."""

from typing import NamedTuple

from protocols.ssh.context import Context
from protocols.ssh.encoding import Malformed, Reader
from protocols.ssh.events import SshSftp
from protocols.ssh.sftp_files import OpenFile
from protocols.ssh.sftp_messages import STATUS_NAMES, VERSION, Effect, Fxp, Request
from protocols.ssh.sftp_requests import Sink

# Bytes of memory, at most: of a request, of an open file, and of a character of their names.
_REQUEST, _FILE, _CHARACTER = 600, 2500, 4
_OPENS = frozenset({"open", "opendir"})
_OF_OPEN_FILES = frozenset({"close", "read", "write"})
_OK = 0
_END_OF_FILE = 1


class _Unanswered(NamedTuple):
    """A request that upstream owes an answer."""

    request: Request
    begun: float
    path: str
    target: str | None

    @property
    def cost(self) -> int:
        """One that opens a file counts as the file does, which it makes room for."""
        size = _FILE if self.request.operation in _OPENS else _REQUEST
        return size + _CHARACTER * (len(self.path) + len(self.target or ""))


class Exchanges:
    """One channel's."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._unanswered: dict[int, _Unanswered] = {}
        self._files: dict[bytes, OpenFile] = {}

    @property
    def at_work(self) -> bool:
        """Whether upstream owes an answer."""
        return bool(self._unanswered)

    def path(self, request: Request) -> str:
        """What it is about: its path, or that of the file that it names by a handle."""
        return request.path or self._path(request.handle)

    def ask(self, request: Request) -> Sink | None:
        """A request goes on. Answers who is shown the bytes that it bears."""
        if request.number in self._unanswered:
            raise Malformed(f"SFTP's request {request.number} is there already")
        target = request.target
        if request.target_handle is not None:
            target = self._path(request.target_handle)
        asked = _Unanswered(request, self._context.clock(), self.path(request), target)
        self._context.keep(asked.cost)
        self._unanswered[request.number] = asked
        file = self._file(request.handle)
        if request.operation != "write" or file is None:
            return None
        file.written.begin(request.offset)
        return file.written.add

    def answer(self, kind: int, message: bytes) -> Sink | None:
        """Upstream's answer to one. Answers who is shown the bytes that it bears."""
        reader = Reader(message)
        number = reader.uint32()
        if kind == Fxp.VERSION:
            if number > VERSION:
                raise Malformed(f"nobody has asked for version {number} of SFTP")
            return None
        asked = self._unanswered.pop(number, None)
        if asked is None:
            raise Malformed(f"SFTP's answer {number} answers no request")
        self._context.keep(-asked.cost)
        if kind == Fxp.DATA:
            return self._bytes_of(asked)
        if kind == Fxp.HANDLE:
            self._opened(asked, reader.string())
        self._done(asked, reader.uint32() if kind == Fxp.STATUS else _OK)
        return None

    def close(self) -> None:
        """Report what upstream has not answered, and what nobody has closed."""
        for asked in self._unanswered.values():
            self._context.keep(-asked.cost)
            if asked.request.operation not in _OF_OPEN_FILES:
                self._report(asked, None)
        for file in self._files.values():
            self._forget(file, finished=False)
        self._unanswered.clear()
        self._files.clear()

    def _file(self, handle: bytes | None) -> OpenFile | None:
        return self._files.get(handle) if handle is not None else None

    def _path(self, handle: bytes | None) -> str:
        file = self._file(handle)
        return "" if file is None else file.path

    # -- what an answer means ---------------------------------------------------------------------

    def _bytes_of(self, asked: _Unanswered) -> Sink:
        """A client may guess a handle before it is told; by now it is known whose it is."""
        file = self._file(asked.request.handle)
        if asked.request.operation != "read" or file is None:
            raise Malformed("SFTP's data are of no file")
        file.read.begin(asked.request.offset)
        return file.read.add

    def _done(self, asked: _Unanswered, code: int) -> None:
        operation = asked.request.operation
        if operation in _OF_OPEN_FILES:
            self._done_to_file(asked, code)
        elif operation != "open" or code != _OK:
            self._report(asked, code)

    def _done_to_file(self, asked: _Unanswered, code: int) -> None:
        handle, operation = asked.request.handle, asked.request.operation
        file = self._file(handle)
        if handle is None or file is None:
            if code == _OK:
                raise Malformed("SFTP's answer is about no file")
            self._report(asked, code)
            return
        if code not in (_OK, _END_OF_FILE):
            file.failed(_status(code))
        elif operation == "write":
            file.wrote(asked.request.size)
        if operation == "close":  # even one that fails leaves no file open
            del self._files[handle]
            self._forget(file, finished=True)

    def _opened(self, asked: _Unanswered, handle: bytes) -> None:
        if asked.request.operation not in _OPENS:
            raise Malformed("SFTP's handle is of no file")
        if handle in self._files:
            raise Malformed("SFTP's handle is another file's already")
        file = OpenFile(self._context, asked.request, asked.begun)
        self._context.keep(_FILE + _CHARACTER * len(file.path))
        self._files[handle] = file

    def _forget(self, file: OpenFile, *, finished: bool) -> None:
        self._context.keep(-_FILE - _CHARACTER * len(file.path))
        file.close(finished=finished)

    def _report(self, asked: _Unanswered, code: int | None) -> None:
        request = asked.request
        if request.effect is Effect.LOOKS and not self._context.options.audit_lookups:
            return
        event = SshSftp(
            operation=request.operation,
            path=asked.path,
            target=asked.target,
            attributes=request.attributes,
            bytes_read=0,
            bytes_written=request.length,
            sha256=None,
            status=None if code is None else _status(code),
            duration_ms=self._context.since(asked.begun),
            finished=code is not None,
        )
        self._context.emit(event)


def _status(code: int) -> str:
    return STATUS_NAMES.get(code, f"status {code}")

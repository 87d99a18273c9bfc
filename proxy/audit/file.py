"""A file of chained lines that several processes may write: the proxy, and commands beside it."""

import fcntl
import os
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from proxy.audit.chain import BEGINNING, digest, link
from proxy.audit.end import End

_TAIL = 1 << 11  # bytes; most lines are shorter


class ChainedFile:
    """`path` None is standard output. Raises OSError where the file cannot be opened or written.

    A terminal, a pipe or a device cannot be read back: there every process has a chain of its own,
    unless several know its `end`.
    """

    def __init__(self, path: Path | None, end: End | None = None) -> None:
        flags = os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
        regular = path is not None and (path.is_file() or not path.exists())
        flags |= os.O_RDWR if regular else os.O_WRONLY
        self._file = os.open(path, flags, 0o600) if path else os.dup(1)
        self._regular = stat.S_ISREG(os.fstat(self._file).st_mode) and path is not None
        self._end = End() if end is None or self._regular else end
        self._size = 0  # of what we know of the file

    def append(self, events: Sequence[bytes]) -> None:
        """Write all of them or none."""
        with self._locked():
            self._catch_up()
            lines, last = link(events, self._end.digest)
            self._write(lines)
            self._end.digest = last

    def close(self) -> None:
        os.close(self._file)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        if not self._regular:
            with self._end.held():
                yield
            return
        fcntl.flock(self._file, fcntl.LOCK_EX)
        try:
            yield
        finally:
            fcntl.flock(self._file, fcntl.LOCK_UN)

    def _catch_up(self) -> None:
        """Go on from the last line, whoever wrote it."""
        if not self._regular:
            if self._end.torn:
                self._write(b"\n")
            return
        size = os.fstat(self._file).st_size
        if size == self._size:
            return
        self._size = size
        tail = self._last_line(size)
        lines = [line for line in tail.split(b"\n") if line]
        self._end.digest = digest(lines[-1]) if lines else BEGINNING
        if lines and not tail.endswith(b"\n"):  # a process was killed in the middle of it
            self._write(b"\n")

    def _last_line(self, size: int) -> bytes:
        """The file's end, from before its last line on."""
        length = _TAIL
        while True:
            tail = os.pread(self._file, length, max(0, size - length))
            if length >= size or b"\n" in tail.rstrip(b"\n"):
                return tail
            length *= 2

    def _write(self, data: bytes) -> None:
        written = 0
        try:
            while written < len(data):
                written += os.write(self._file, data[written:])
        except OSError:
            if self._regular:
                with suppress(OSError):
                    os.ftruncate(self._file, self._size)
            raise
        self._size += len(data)

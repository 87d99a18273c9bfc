"""A page of memory that all workers see: how many sessions each has, and how the audit goes on.

A number belongs to one worker, which alone changes it as long as it lives. What is decided by the
numbers of others is decided under a lock, which the kernel takes from a process that dies.
"""

import fcntl
import mmap
import os
from collections.abc import Iterator
from contextlib import contextmanager

from proxy.audit.chain import BEGINNING
from proxy.audit.end import End
from proxy.places import Places

_SIZE = mmap.PAGESIZE
_PLACES, _AUDIT = range(2)  # the bytes of the file that stand for the two locks
_WRITING = 0  # where it is noted that somebody is writing the audit
_DIGEST = slice(8, 8 + len(BEGINNING))
_NUMBERS = 128  # where the workers' numbers begin
_OPEN, _OVER = range(2)  # the numbers of one worker


class Page:
    """`descriptor` is that of another process's page; without it, a new one is made."""

    def __init__(self, descriptor: int | None = None) -> None:
        if descriptor is None:
            descriptor = os.memfd_create("keyless-workers", os.MFD_CLOEXEC)
            os.ftruncate(descriptor, _SIZE)
            os.pwrite(descriptor, BEGINNING.encode(), _DIGEST.start)
        self.descriptor = descriptor
        self._bytes = mmap.mmap(descriptor, _SIZE)
        self._numbers = memoryview(self._bytes)[_NUMBERS:].cast("q")

    def close(self) -> None:
        self._numbers.release()
        self._bytes.close()
        os.close(self.descriptor)

    def clear(self, worker: int) -> None:
        """It is no more, and neither are its sessions."""
        self._numbers[2 * worker + _OPEN] = self._numbers[2 * worker + _OVER] = 0

    def over(self, worker: int) -> int:
        """How many of the connections that this worker was given are closed."""
        return self._numbers[2 * worker + _OVER]

    def one_is_over(self, worker: int) -> None:
        self._numbers[2 * worker + _OVER] += 1

    def take_place(self, worker: int, limit: int) -> bool:
        """A session more for this worker, unless all workers together have as many as there may
        be."""
        with self._locked(_PLACES):
            free = sum(self._numbers[_OPEN::2]) < limit
            self._numbers[2 * worker + _OPEN] += free
        return free

    def leave_place(self, worker: int) -> None:
        self._numbers[2 * worker + _OPEN] -= 1

    @property
    def digest(self) -> str:
        """Of the audit's last line."""
        return self._bytes[_DIGEST].decode()

    @digest.setter
    def digest(self, digest: str) -> None:
        self._bytes[_DIGEST] = digest.encode()

    @contextmanager
    def audit_held(self) -> Iterator[bool]:
        """Nobody else writes the audit meanwhile. True: whoever did last was killed meanwhile."""
        with self._locked(_AUDIT):
            torn = bool(self._bytes[_WRITING])
            self._bytes[_WRITING] = 1
            try:
                yield torn
                torn = False
            finally:
                self._bytes[_WRITING] = torn

    @contextmanager
    def _locked(self, which: int) -> Iterator[None]:
        fcntl.lockf(self.descriptor, fcntl.LOCK_EX, 1, which)
        try:
            yield
        finally:
            fcntl.lockf(self.descriptor, fcntl.LOCK_UN, 1, which)


class SharedPlaces(Places):
    """One worker's part of the places that all have."""

    def __init__(self, limit: int, page: Page, worker: int) -> None:
        super().__init__(limit)
        self._page = page
        self._worker = worker

    def take(self) -> bool:
        taken = self._page.take_place(self._worker, self.limit)
        self.taken += taken
        return taken

    def leave(self) -> None:
        super().leave()
        self._page.leave_place(self._worker)


class SharedEnd(End):
    """The end of the one chain that all workers write."""

    def __init__(self, page: Page) -> None:
        super().__init__()
        self._page = page

    @contextmanager
    def held(self) -> Iterator[None]:
        with self._page.audit_held() as self.torn:
            self.digest = self._page.digest
            yield
            self._page.digest = self.digest

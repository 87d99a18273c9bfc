"""Recordings of sessions: one file each, which nobody but the proxy's owner may read."""

import os
from pathlib import Path

from protocols.errors import Reason, Refusal


class Recording:
    """A file that is written at once and as a whole: what cannot be recorded does not happen."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: int | None = None
        try:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise self._unwritable(error) from None

    def write(self, data: bytes) -> None:
        assert self._file is not None
        left = memoryview(data)
        try:
            while left:
                left = left[os.write(self._file, left) :]
        except OSError as error:
            self.close()
            raise self._unwritable(error) from None

    def close(self) -> None:
        """Once more does nothing: what could not be written is closed already."""
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def _unwritable(self, error: OSError) -> Refusal:
        return Refusal(
            Reason.AUDIT_UNWRITABLE,
            "the proxy cannot record this session, so it ends; tell its operator",
            detail=f"the recording {self._path} cannot be written: {error.strerror}",
        )

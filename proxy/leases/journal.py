"""Which leases are live, on disk: enough to revoke them, and no credential.

Every process writes a file of its own and keeps it locked while it lives. A file that nobody holds
locked is a killed process's, and what it says is still live is for somebody else to end.
"""

import fcntl
import json
import os
from collections.abc import Iterator
from pathlib import Path
from secrets import token_hex

LeaseName = tuple[str, str]  # the provider's name, and the lease's id there


class Journal:
    """A process's own file, or with `path` a dead one's. Raises OSError where it cannot be had."""

    def __init__(self, folder: Path, path: Path | None = None) -> None:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._path = path or folder / f"{os.getpid()}-{token_hex(4)}.leases"
        self._file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self.live: set[LeaseName] = _live(self._path)
        except OSError:
            os.close(self._file)
            raise

    def begun(self, lease: LeaseName) -> None:
        self.live.add(lease)
        self._write("begun", lease)

    def ended(self, lease: LeaseName) -> None:
        self.live.discard(lease)
        self._write("ended", lease)

    def close(self) -> None:
        """Leave nothing behind but leases that could not be ended."""
        if not self.live:
            self._path.unlink(missing_ok=True)
        os.close(self._file)

    def _write(self, what: str, lease: LeaseName) -> None:
        # No fsync: what is written outlives the process, and a lease outlives the machine no longer
        # than its time.
        os.write(self._file, json.dumps([what, *lease]).encode() + b"\n")


def abandoned(folder: Path) -> Iterator[Journal]:
    """The journals of processes that are no more, each ours to finish and close."""
    for path in sorted(folder.glob("*.leases")):
        try:
            yield Journal(folder, path)
        except (BlockingIOError, FileNotFoundError):  # its process lives, or somebody was faster
            continue


def _live(path: Path) -> set[LeaseName]:
    live: set[LeaseName] = set()
    for line in path.read_text().splitlines():
        try:
            what, provider, lease_id = json.loads(line)
        except ValueError:
            continue  # the line that a killed process was writing: its lease ends by itself
        if what == "begun":
            live.add((provider, lease_id))
        else:
            live.discard((provider, lease_id))
    return live

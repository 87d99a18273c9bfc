"""What is done through every peer, one kind of work a file; `__main__` of the room above does it.

A work is told how much to do and yields what it found, case by case. It starts its own servers.
"""

import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from bench.findings import Finding
from bench.plan import Notes, Plan

Work = Callable[[Plan, Notes], Iterator[Finding]]
Works = Mapping[str, Work]


@contextmanager
def own_folder() -> Iterator[Path]:
    """For a work's files, while it is done. Who knows a name in it can get there, for not all that
    runs here is root."""
    with tempfile.TemporaryDirectory(prefix="keyless-bench-") as name:
        folder = Path(name)
        folder.chmod(0o711)
        yield folder

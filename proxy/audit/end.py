"""Where a chain ends that nobody can read back, as on a terminal or a pipe."""

from collections.abc import Iterator
from contextlib import contextmanager

from proxy.audit.chain import BEGINNING


class End:
    """That of a chain which one process writes alone."""

    def __init__(self) -> None:
        self.digest = BEGINNING  # of the last line
        self.torn = False  # whether a process was killed while it wrote: its line may be cut off

    @contextmanager
    def held(self) -> Iterator[None]:
        """Nobody else writes meanwhile."""
        yield

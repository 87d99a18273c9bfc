"""The places for sessions: as many as the file allows, in one process or in several."""


class Places:
    """Those of one process alone."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.taken = 0  # by sessions of this process

    def take(self) -> bool:
        """Whether there was one left, which is the caller's until `leave`."""
        if self.taken >= self.limit:
            return False
        self.taken += 1
        return True

    def leave(self) -> None:
        self.taken -= 1

"""When upstream may be tried again, for nobody in particular: never as fast as sessions try."""

_FIRST_PAUSE = 1.0  # seconds; doubles with each failure
_LONGEST_PAUSE = 60.0


class Patience:
    """With one role's upstream. It knows no clock, and is told the time."""

    def __init__(self) -> None:
        self._rejected = False
        self._pause = _FIRST_PAUSE
        self._until = 0.0

    def permits(self, now: float) -> bool:
        return not self._rejected and now >= self._until

    def rejected(self) -> None:
        """A login more of these could lock the account, until one succeeds that somebody waits
        for."""
        self._rejected = True

    def failed(self, now: float) -> None:
        """What fails at the same time fails once."""
        if now >= self._until:
            self._until = now + self._pause
            self._pause = min(2 * self._pause, _LONGEST_PAUSE)

    def served(self, *, by_spare: bool) -> None:
        """A session is in: upstream takes logins again, or lets them wait."""
        if by_spare:
            self._pause = _FIRST_PAUSE
        else:
            self._rejected = False

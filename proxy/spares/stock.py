"""How many spares a role should have, and for which of the startup messages that its clients send.

As many as were asked for lately, for a spare that nobody takes is a login in vain. It knows no
sockets, and is told the time.
"""

from collections import deque

from proxy.spares.spare import Spare

_MOST_SHELVES = 100  # startup messages that are remembered


class Shelf:
    """The spares for one startup message, the oldest first; `making` are on their way."""

    def __init__(self, most: int) -> None:
        self.spares: deque[Spare] = deque()
        self.making = 0
        self._asked: deque[float] = deque(maxlen=most + 1)

    @property
    def size(self) -> int:
        return len(self.spares) + self.making

    def ask(self, now: float) -> None:
        self._asked.append(now)

    def forget(self, before: float) -> None:
        while self._asked and self._asked[0] < before:
            self._asked.popleft()

    @property
    def wanted(self) -> int:
        """Those who asked, but for the first: whether there will be others, the second one
        tells."""
        return max(0, len(self._asked) - 1)

    @property
    def unused(self) -> bool:
        return not (self._asked or self.size)


class Stock:
    """One role's spares: `most` of them at once, each for `seconds`."""

    def __init__(self, most: int, seconds: float) -> None:
        self._most = most
        self._seconds = seconds
        self._shelves: dict[bytes, Shelf] = {}  # whose was asked for last is the last one

    def ask(self, startup: bytes, now: float) -> Shelf:
        """The shelf for a session that begins now."""
        self._forget(now)
        shelf = self._shelves.pop(startup, None) or Shelf(self._most)
        shelf.ask(now)
        self._shelves[startup] = shelf
        return shelf

    def lacks(self, shelf: Shelf) -> bool:
        """Whether there should be one more on this shelf, and is room for it: what there may be is
        shared evenly, so one on a shelf that has more may have to go."""
        shelves = self._shelves.values()
        share = max(1, self._most // max(1, sum(each.wanted > 0 for each in shelves)))
        if shelf.size >= min(share, shelf.wanted):
            return False
        if sum(each.size for each in shelves) < self._most:
            return True
        fullest = max(shelves, key=lambda each: len(each.spares))
        if len(fullest.spares) <= share:
            return False
        fullest.spares[0].end("room")
        return True

    def clear(self, why: str) -> None:
        """End all."""
        for shelf in self._shelves.values():
            _clear(shelf, why)

    def _forget(self, now: float) -> None:
        for startup, shelf in list(self._shelves.items()):
            shelf.forget(now - self._seconds)
            if shelf.unused:
                del self._shelves[startup]
        if len(self._shelves) >= _MOST_SHELVES:
            _clear(self._shelves.pop(next(iter(self._shelves))), "room")


def _clear(shelf: Shelf, why: str) -> None:
    for spare in list(shelf.spares):
        spare.end(why)

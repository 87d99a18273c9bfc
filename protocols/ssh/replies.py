"""Answers to requests, in the order of the requests, which is all that tells what answers which."""

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from protocols.ssh.encoding import Malformed

Answered = Callable[[bool, bytes], None]
"""Told whether a request was granted, and the answer's details."""

_MAX_OWED = 1000


@dataclass(frozen=True, slots=True)
class Ruling:
    """What a request comes to. `denied` is why it does not go on, and `detail` what it asked for;
    with `ends`, the refusal ends its channel. `answered` is for a request that goes on."""

    denied: str | None = None
    detail: str = ""
    ends: bool = False
    answered: Answered | None = None


ALLOWED = Ruling()


def _ignore(granted: bool, details: bytes) -> None:
    pass


class Replies:
    """What is owed to one side for its requests: the other's answers, and ours among them."""

    def __init__(self) -> None:
        self._owed: deque[Answered | Sequence[bytes]] = deque()

    def expect(self, answered: Answered | None) -> None:
        """A request goes on that wants an answer."""
        self._add(answered or _ignore)

    def say(self, packets: Sequence[bytes]) -> Sequence[bytes]:
        """Our own answer to a request that did not go on: as much as may be sent already."""
        self._add(packets)
        return self._ours()

    def pass_on(self, packet: bytes, *, granted: bool) -> Sequence[bytes]:
        """The other side's answer, and those of ours that waited for it."""
        if not self._owed:
            raise Malformed("it answers no request")
        answered = self._owed.popleft()
        assert callable(answered)
        answered(granted, packet[1:])
        return [packet, *self._ours()]

    def rest(self) -> Sequence[bytes]:
        """Our own answers, where no other will come."""
        ours = [packet for owed in self._owed if not callable(owed) for packet in owed]
        self._owed.clear()
        return ours

    def _add(self, owed: Answered | Sequence[bytes]) -> None:
        if len(self._owed) >= _MAX_OWED:
            raise Malformed(f"more than {_MAX_OWED} requests wait for their answers")
        self._owed.append(owed)

    def _ours(self) -> Sequence[bytes]:
        ours: list[bytes] = []
        while self._owed and not callable(head := self._owed[0]):
            ours += head
            self._owed.popleft()
        return ours

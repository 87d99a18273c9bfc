"""Shows one session's bytes to its tap: before they go on, or with hindsight where that will do.

What cannot be read cannot be audited, and so must not reach upstream.
"""

from typing import Protocol

from protocols.api import Chunk, Tap
from protocols.errors import Refusal
from proxy.hindsight import Hindsight, Shown

_SHORT = 2_048  # bytes; what is longer has been copied often enough


class Observed(Protocol):
    """The relay of the session."""

    def hold(self) -> None:
        """Take nothing more from the client, for the tap is full."""

    def go_on(self) -> None:
        """The tap has room again."""

    def unauditable(self, fault: Exception) -> None:
        """The tap could not make sense of what passed, or the audit not take it."""


class Observer(Shown):
    """One session's. What the tap answers is as of the last byte that passed."""

    def __init__(self, tap: Tap, hindsight: Hindsight) -> None:
        self._tap = tap
        self._may_wait = tap.may_wait
        self._see_client, self._see_upstream = tap.client_sent, tap.upstream_sent
        self._upstream_may_wait = tap.upstream_may_wait
        self._hindsight = hindsight
        self._relay: Observed
        self._held = False
        self._failed = False

    def begin(self, relay: Observed) -> None:
        self._relay = relay

    def client_sent(self, chunk: bytes) -> None:
        if len(chunk) <= _SHORT and self._may_wait(chunk):
            self._hindsight.put(self, chunk, True)
        else:
            self.catch_up()
            self.show(chunk, True)

    def upstream_sent(self, chunk: Chunk) -> None:
        if self._upstream_may_wait and not self._held and len(chunk) <= _SHORT:
            kept = chunk if isinstance(chunk, bytes) else bytes(chunk)  # a view may be used again
            self._hindsight.put(self, kept, False)
        else:
            self.catch_up()
            self.show(chunk, False)

    def catch_up(self) -> None:
        self._hindsight.catch_up()

    @property
    def busy(self) -> bool:
        self.catch_up()
        return self._tap.busy

    def last_words(self, refusal: Refusal) -> bytes:
        self.catch_up()
        return self._tap.last_words(refusal)

    def show(self, chunk: Chunk, from_client: bool) -> None:
        if self._failed:
            return
        try:
            (self._see_client if from_client else self._see_upstream)(chunk)
        except Exception as fault:
            self._failed = True
            self._relay.unauditable(fault)
            return
        if self._tap.full is not self._held:
            self._held = not self._held
            (self._relay.hold if self._held else self._relay.go_on)()

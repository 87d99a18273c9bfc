"""Shows one session's bytes to its tap: before they go on, or with hindsight where that will do.

What cannot be read cannot be audited, and so must not reach upstream.
"""

from collections.abc import Callable
from typing import Protocol

from protocols.api import Chunk, Tap
from protocols.errors import Refusal
from proxy.hindsight import Hindsight
from proxy.syscalls import SHORT


class Observed(Protocol):
    """The relay of the session."""

    def hold(self) -> None:
        """Take nothing more from the client, for the tap is full."""

    def go_on(self) -> None:
        """The tap has room again."""

    def unauditable(self, fault: Exception) -> None:
        """The tap could not make sense of what passed, or the audit not take it."""


class Observer:
    """One session's. What the tap answers is as of the last byte that passed."""

    def __init__(self, tap: Tap, hindsight: Hindsight) -> None:
        self._tap = tap
        self._hindsight = hindsight
        self._relay: Observed
        self._held = False
        self._failed = False

    def begin(self, relay: Observed) -> None:
        self._relay = relay

    def client_sent(self, chunk: Chunk) -> None:
        if len(chunk) <= SHORT and self._tap.may_wait(data := bytes(chunk)):
            self._hindsight.put(self._show_client, data)
        else:
            self.catch_up()
            self._show_client(chunk)

    def upstream_sent(self, chunk: Chunk) -> None:
        if len(chunk) <= SHORT and self._tap.upstream_may_wait and not self._held:
            self._hindsight.put(self._show_upstream, bytes(chunk))
        else:
            self.catch_up()
            self._show_upstream(chunk)

    def catch_up(self) -> None:
        self._hindsight.catch_up()

    @property
    def busy(self) -> bool:
        self.catch_up()
        return self._tap.busy

    def last_words(self, refusal: Refusal) -> bytes:
        self.catch_up()
        return self._tap.last_words(refusal)

    def _show_client(self, chunk: Chunk) -> None:
        self._show(self._tap.client_sent, chunk)

    def _show_upstream(self, chunk: Chunk) -> None:
        self._show(self._tap.upstream_sent, chunk)

    def _show(self, see: Callable[[Chunk], None], chunk: Chunk) -> None:
        if self._failed:
            return
        try:
            see(chunk)
        except Exception as fault:
            self._failed = True
            self._relay.unauditable(fault)
            return
        if self._tap.full is not self._held:
            self._held = not self._held
            (self._relay.hold if self._held else self._relay.go_on)()

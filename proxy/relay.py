"""A session's two directions, and every way in which they end.

A side that does not take its bytes is not read for until it does; a side that has ended may still
be sent to. What moves the bytes is in `proxy.pipe`, and what makes the audit of them in
`proxy.observer`.
"""

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress

from protocols.api import Flow, Gate, Outcome, Side
from protocols.errors import Reason, Refusal
from proxy.legs import Leg
from proxy.observer import Observer
from proxy.pipe import Pipe

_log = logging.getLogger("keyless.relay")
_CHUNK = 65_536
_GOODBYE_SECONDS = 1.0  # for a client to take its last bytes and close
_LOOK_AGAIN_SECONDS = 0.5  # whether a client that has ended is gone


class Relay:
    """Both directions of one session, from both sides being in to both being out."""

    def __init__(
        self,
        legs: tuple[Leg, Leg],
        observer: Observer,
        gate: Gate | None,
        role: str,
        client_is_gone: Callable[[], bool],
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._client, self._upstream = client, upstream = legs
        self._observer = observer
        observer.begin(self)
        self._role = role
        self._client_is_gone = client_is_gone
        up, down = (Side.CLIENT, Side.UPSTREAM), (Side.UPSTREAM, Side.CLIENT)
        decide = (gate.client_sent, gate.upstream_sent) if gate is not None else (None, None)
        self._up = Pipe(self, up, (client, upstream), observer, decide[0])
        self._down = Pipe(self, down, (upstream, client), observer, decide[1])
        self._finished: asyncio.Future[tuple[str, str]] = self._loop.create_future()
        self._client_has_ended = False

    @property
    def idle(self) -> bool:
        """Whether upstream owes the client nothing."""
        return not self._observer.busy

    @property
    def moved(self) -> int | None:
        """Bytes, both ways; None as long as upstream has something to do for the client."""
        return self._up.moved + self._down.moved if self.idle else None

    async def run(self, flow: Flow) -> Outcome:
        """Relay until it is over. The sockets stay open, for their owner to close."""
        for pipe, first in ((self._up, flow.from_client), (self._down, flow.from_upstream)):
            if not self._finished.done():
                pipe.start(first)
        try:
            ended_by, reason = await self._finished
        finally:
            self._up.stop()
            self._down.stop()
            self._observer.catch_up()
        if ended_by != "client":
            await self._see_the_client_off()
        abandoned = ended_by != "upstream" and self._observer.busy
        return Outcome(ended_by, reason, self._up.moved, self._down.moved, abandoned)

    def stop(self, refusal: Refusal) -> None:
        """End the session now, and tell the client why where it can be told."""
        if not self._finished.done():
            self._say_last_words(refusal)
            self._finish("proxy", refusal.detail or str(refusal))

    # -- what the observer says -----------------------------------------------------------------

    def hold(self) -> None:
        self._up.hold()

    def go_on(self) -> None:
        self._up.go_on()

    def unauditable(self, fault: Exception) -> None:
        if not isinstance(fault, Refusal):
            _log.error("the audit failed; this is a bug in Keyless", exc_info=fault)
            fault = Refusal(Reason.INTERNAL, "the proxy failed to audit this session, so it ends")
        self.stop(fault)

    # -- the ends -------------------------------------------------------------------------------

    def ended(self, side: Side) -> None:
        """A side has said all that it will say."""
        if side is Side.UPSTREAM:
            self._upstream_is_gone("closed the connection")
            return
        self._client_has_ended = True
        with suppress(OSError):
            self._upstream.end()
        self._await_upstream()

    def _await_upstream(self) -> None:
        """A client that has only ended is still answered; one that is gone is not waited for."""
        if self._finished.done():
            return
        if self._client_is_gone():
            self._finish("client", "closed the connection")
        else:
            self._loop.call_later(_LOOK_AGAIN_SECONDS, self._await_upstream)

    def unreadable(self, side: Side, error: OSError) -> None:
        """A side's connection broke, and nothing more comes from it."""
        if side is Side.CLIENT:
            self._finish("client", f"broke the connection: {error.strerror}")
        else:
            self._upstream_is_gone(f"broke the connection: {error.strerror}")

    def unwritable(self, side: Side, error: OSError) -> None:
        """A side takes nothing more. Upstream may have said why, so that is still read."""
        if side is Side.CLIENT:
            self._finish("client", f"broke the connection: {error.strerror}")
        else:
            self._up.stop()
            self._finish_within(_GOODBYE_SECONDS, "upstream", f"broke: {error.strerror}")

    def _upstream_is_gone(self, how: str) -> None:
        if self._client_has_ended:
            self._finish("client", "closed the connection")
            return
        sentence = f'upstream of role "{self._role}" {how}'
        self._say_last_words(Refusal(Reason.UPSTREAM_UNREACHABLE, sentence))
        self._finish("upstream", how)

    def _say_last_words(self, refusal: Refusal) -> None:
        with suppress(OSError):
            self._client.send(self._observer.last_words(refusal))

    def _finish(self, ended_by: str, reason: str) -> None:
        """Nothing more passes, from this moment on."""
        self._up.stop()
        self._down.stop()
        if not self._finished.done():
            self._finished.set_result((ended_by, reason))

    def _finish_within(self, seconds: float, ended_by: str, reason: str) -> None:
        timer = self._loop.call_later(seconds, self._finish, ended_by, reason)
        self._finished.add_done_callback(lambda _: timer.cancel())

    async def _see_the_client_off(self) -> None:
        """Let the client take its last bytes: a socket closed on unread bytes loses them."""
        with suppress(OSError, TimeoutError):
            async with asyncio.timeout(_GOODBYE_SECONDS):
                while not self._client.flush():
                    await self._client_writable()
                self._client.end()
                while await self._loop.sock_recv(self._client.socket, _CHUNK):
                    pass

    async def _client_writable(self) -> None:
        ready = self._loop.create_future()
        self._loop.add_writer(self._client.socket, ready.set_result, None)
        try:
            await ready
        finally:
            self._loop.remove_writer(self._client.socket)

"""The hot path: moves a session's bytes between its two sides, and shows them to the tap.

Reader callbacks on raw sockets, one shared buffer, no task or lock or allocation per chunk that is
not needed: measured, streams cost three times the CPU of this. A side that does not take its bytes
is not read for until it does; a side that has ended may still be sent to.
"""

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from protocols.api import Flow, Side, Tap
from protocols.errors import Reason, Refusal
from proxy.legs import Leg

_log = logging.getLogger("keyless.relay")
_BUFFER = memoryview(bytearray(65_536))  # one loop, one thread: no two pipes read at once
_GOODBYE_SECONDS = 1.0  # for a client to take its last bytes and close
_LOOK_AGAIN_SECONDS = 0.5  # whether a client that has ended is gone


Observe = Callable[[memoryview], None]


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a relay ended. `abandoned`: nobody waits for what upstream may still be at work on."""

    ended_by: str  # client, upstream or proxy
    reason: str
    bytes_from_client: int
    bytes_from_upstream: int
    abandoned: bool


class _Pipe:
    """One direction; tells the relay of whatever is not plain moving.

    It is not read for while its sink is `blocked`, or while it is `held` because the tap is full.
    What the client sends is looked at first, for what cannot be audited must not reach upstream;
    upstream's bytes are sent first, and nobody waits for the audit of them.
    """

    __slots__ = (
        "_from",
        "_loop",
        "_observe",
        "_relay",
        "_sink",
        "_source",
        "_to",
        "blocked",
        "held",
        "moved",
        "stopped",
    )

    def __init__(
        self, relay: "Relay", ends: tuple[Side, Side], legs: tuple[Leg, Leg], observe: Observe
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._relay = relay
        self._from, self._to = ends
        self._source, self._sink = legs
        self._observe = observe
        self.blocked = False
        self.held = False
        self.stopped = False
        self.moved = 0

    def start(self, first: bytes) -> None:
        """Begin, with what the handshake read too much."""
        self._loop.add_reader(self._source.socket, self._readable)
        if (not first or self._move(memoryview(first))) and self._source.pending:
            self._loop.call_soon(self._readable)

    def stop(self) -> None:
        self.stopped = True
        self._loop.remove_reader(self._source.socket)
        self._loop.remove_writer(self._sink.socket)

    def hold(self) -> None:
        """Read no more until `go_on`."""
        self.held = True
        self._loop.remove_reader(self._source.socket)

    def go_on(self) -> None:
        self.held = False
        self._read_again()

    def _read_again(self) -> None:
        if self.blocked or self.held or self.stopped:
            return
        self._loop.add_reader(self._source.socket, self._readable)
        if self._source.pending:
            self._loop.call_soon(self._readable)

    def _readable(self) -> None:
        while not self.stopped:
            try:
                size = self._source.receive(_BUFFER)
            except BlockingIOError:
                return
            except OSError as error:
                self._relay.unreadable(self._from, error)
                return
            if not size:
                self._loop.remove_reader(self._source.socket)
                self._relay.ended(self._from)
                return
            if not self._move(_BUFFER[:size]) or not self._source.pending:
                return

    def _move(self, chunk: memoryview) -> bool:
        """Whether to read on."""
        if self._from is Side.CLIENT and not self._look(chunk):
            return False
        try:
            if not self._sink.send(chunk):
                self.blocked = True
                self._loop.remove_reader(self._source.socket)
                self._loop.add_writer(self._sink.socket, self._drained)
        except OSError as error:
            self._relay.unwritable(self._to, error)
            return False
        self.moved += len(chunk)
        if self._from is Side.UPSTREAM and not self._look(chunk):
            return False
        return not (self.blocked or self.held)

    def _look(self, chunk: memoryview) -> bool:
        try:
            self._observe(chunk)
        except Exception as fault:
            self._relay.unauditable(fault)
            return False
        return True

    def _drained(self) -> None:
        try:
            if not self._sink.flush():
                return
        except OSError as error:
            self._relay.unwritable(self._to, error)
            return
        self._loop.remove_writer(self._sink.socket)
        self.blocked = False
        self._read_again()


class Relay:
    """Both directions of one session, from both sides being in to both being out."""

    def __init__(
        self, client: Leg, upstream: Leg, tap: Tap, role: str, client_is_gone: Callable[[], bool]
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._client = client
        self._upstream = upstream
        self._tap = tap
        self._role = role
        self._client_is_gone = client_is_gone
        up, down = (Side.CLIENT, Side.UPSTREAM), (Side.UPSTREAM, Side.CLIENT)
        self._up = _Pipe(self, up, (client, upstream), self._client_sent)
        self._down = _Pipe(self, down, (upstream, client), self._upstream_sent)
        self._finished: asyncio.Future[tuple[str, str]] = self._loop.create_future()
        self._client_has_ended = False

    @property
    def idle(self) -> bool:
        """Whether upstream owes the client nothing."""
        return not self._tap.busy

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
        if ended_by != "client":
            await self._see_the_client_off()
        abandoned = ended_by != "upstream" and self._tap.busy
        return Outcome(ended_by, reason, self._up.moved, self._down.moved, abandoned)

    def stop(self, refusal: Refusal) -> None:
        """End the session now, and tell the client why where it can be told."""
        if not self._finished.done():
            self._say_last_words(refusal)
            self._finish("proxy", refusal.detail or str(refusal))

    def _client_sent(self, chunk: memoryview) -> None:
        self._tap.client_sent(chunk)
        if self._tap.full:
            self._up.hold()

    def _upstream_sent(self, chunk: memoryview) -> None:
        self._tap.upstream_sent(chunk)
        if self._up.held and not self._tap.full:
            self._up.go_on()

    def unauditable(self, fault: Exception) -> None:
        """The tap could not make sense of what passed, or the audit not take it."""
        if not isinstance(fault, Refusal):
            _log.error("the audit failed; this is a bug in Keyless", exc_info=fault)
            fault = Refusal(Reason.INTERNAL, "the proxy failed to audit this session, so it ends")
        self.stop(fault)

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
        if self._client_is_gone():
            self._finish("client", "closed the connection")
        elif not self._finished.done():
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
            self._client.send(self._tap.last_words(refusal))

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
                while await self._loop.sock_recv(self._client.socket, len(_BUFFER)):
                    pass

    async def _client_writable(self) -> None:
        ready = self._loop.create_future()
        self._loop.add_writer(self._client.socket, ready.set_result, None)
        try:
            await ready
        finally:
            self._loop.remove_writer(self._client.socket)

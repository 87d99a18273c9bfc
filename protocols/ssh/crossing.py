"""One session's two connections: hands on the packets that may pass, and ends both as one."""

import asyncio
from collections.abc import Callable, Mapping

from protocols.api import Outcome
from protocols.errors import Reason, Refusal
from protocols.ssh.channels import Channels, Verdict
from protocols.ssh.client_side import Client
from protocols.ssh.legs import Leg
from protocols.ssh.log_in import Upstream

Decide = Callable[[bytes], Verdict | None]
Lost = asyncio.Future[Exception | None]


class Crossing:
    """A session whose upstream is in, and whose client waits to be let in."""

    def __init__(self, role: str, client: Client, upstream: Upstream, channels: Channels) -> None:
        self._upstream_name = f'upstream of role "{role}"'
        self._client = client
        self._upstream = upstream
        self._channels = channels
        self._finished: asyncio.Future[tuple[str, str]] = asyncio.get_running_loop().create_future()
        client.leg.other, upstream.leg.other = upstream.leg, client.leg
        client.leg.passed, upstream.leg.passed = self._client_sent, self._upstream_sent
        client.doorman.lost.add_done_callback(self._client_is_gone)
        upstream.applicant.lost.add_done_callback(self._upstream_is_gone)
        for packet in upstream.early:
            self._upstream_sent(packet)
        client.leg.flush()
        upstream.leg.flush()

    @property
    def facts(self) -> Mapping[str, str]:
        return self._upstream.facts

    @property
    def idle(self) -> bool:
        return not self._channels.busy

    @property
    def moved(self) -> int | None:
        return self._channels.moved

    async def run(self) -> Outcome:
        """Let the client in, and carry the session until it is over."""
        client, upstream = self._client.leg, self._upstream.leg
        if not self._finished.done():
            self._client.welcome(self._upstream.applicant.banner)
        try:
            ended_by, reason = await self._finished
            self._channels.close()
            await client.closed.wait()
            await upstream.closed.wait()
        finally:
            client.cut()
            upstream.cut()
        return Outcome(ended_by, reason, client.received, upstream.received)

    def stop(self, refusal: Refusal) -> None:
        if not self._finished.done():
            self._finished.set_result(("proxy", refusal.detail or str(refusal)))
            self._client.refuse(refusal)
            self._upstream.leg.close()

    # -- packets --------------------------------------------------------------------------------

    def _upstream_sent(self, packet: bytes) -> None:
        self._cross(packet, self._channels.upstream_sent, self._client.leg)

    def _client_sent(self, packet: bytes) -> None:
        self._cross(packet, self._channels.client_sent, self._upstream.leg)

    def _cross(self, packet: bytes, decide: Decide, towards: Leg) -> None:
        if self._finished.done():
            return
        try:
            verdict = decide(packet)
        except Refusal as refusal:
            self.stop(refusal)
        except Exception as bug:
            sentence = "the proxy failed to audit this session, so it ends"
            self.stop(Refusal(Reason.INTERNAL, sentence, detail=f"a bug in Keyless: {bug!r}"))
        else:
            if verdict is None:
                towards.relay(packet)
            else:
                self._follow(verdict, towards)

    def _follow(self, verdict: Verdict, towards: Leg) -> None:
        for packet in verdict.onward:
            towards.relay(packet)
        sender = towards.other
        assert sender is not None
        for packet in verdict.back:
            sender.relay(packet)

    # -- the end --------------------------------------------------------------------------------

    def _client_is_gone(self, lost: Lost) -> None:
        if not self._finished.done():
            self._finished.set_result(("client", _how(lost.result())))
            self._upstream.leg.close()

    def _upstream_is_gone(self, lost: Lost) -> None:
        if not self._finished.done():
            self._finished.set_result(("upstream", _how(lost.result())))
            sentence = f"{self._upstream_name} closed the connection"
            self._client.refuse(Refusal(Reason.UPSTREAM_UNREACHABLE, sentence))


def _how(why: Exception | None) -> str:
    """asyncssh's reason; what is no reason of anybody's has a name at least."""
    return f"broke the connection: {str(why) or repr(why)}" if why else "closed the connection"

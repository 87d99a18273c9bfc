"""One session: one client connection to one role, from accept to close. The unit of audit."""

import asyncio
import logging
import socket
import time
from functools import partial
from secrets import token_hex

from protocols.api import CancelRequest, Disconnected, Event, Flow, Login, NeedLogin, Side, Wish
from protocols.errors import Reason, Refusal
from proxy.audit.events import SessionCancel, SessionDenied, SessionEnd, SessionStart
from proxy.audit.log import context
from proxy.cancels import Cancellable
from proxy.config import Role
from proxy.connection import Connection
from proxy.driver import Driver, nonce
from proxy.identity import Identity, identify, is_gone
from proxy.legs import leg
from proxy.login import Logins
from proxy.relay import Outcome, Relay
from proxy.services import Services

_log = logging.getLogger("keyless.session")
_WAITING_OF_ONE_USER = 500  # connections whose clients have not said yet what they want
_SAID = 128  # characters of what a client called itself; PostgreSQL's names have 63 bytes


class Session:
    """`run` takes it from the client's first byte to its end, whatever that is; raises nothing."""

    def __init__(self, services: Services, role: Role, accepted: socket.socket) -> None:
        self.id = token_hex(8)
        self._services = services
        self._role = role
        self._context = context(session=self.id, role=role.name)
        self._client = Connection(accepted)
        self._begun = time.monotonic()
        self._identity = Identity("unknown")
        self._wish = Wish()
        self._login: Login | None = None
        self._logins = Logins(role, services, self._emit)
        self._driver = Driver(services.config.timeouts, client=self._client, logins=self._log_in)
        self._relay: Relay | None = None
        self._stopped: Refusal | None = None
        self._placed = False  # among those who have not said yet what they want
        self.admitted = False

    async def run(self) -> None:
        try:
            await self._serve()
        except Refusal as refusal:
            self._denied(refusal)
        except (Disconnected, OSError) as gone:
            self._left(gone)
        except Exception:
            _log.exception("session %s failed; this is a bug in Keyless", self.id)
        finally:
            self._client.close()
            self._driver.close()
            if self.admitted:
                self._services.open_sessions -= 1
            elif self._placed:
                self._services.waiting[self._identity.uid] -= 1
            await self._logins.close()

    def stop(self, refusal: Refusal) -> None:
        """End it now. A client that is in is told why at once, one that is not when it may be."""
        self._stopped = refusal
        if self._relay is not None:
            self._relay.stop(refusal)

    @property
    def idle(self) -> bool:
        """Whether it is in and waits for its client."""
        return self._relay is not None and self._relay.idle

    async def _serve(self) -> None:
        self._identity = identify(self._client.socket)
        self._take_place()
        # A name service may be slow, and everybody else's bytes are not to wait for it.
        await asyncio.to_thread(self._identity.may_use, self._role.allow)
        try:
            result = await self._driver.run(self._role.protocol.handshake(nonce))
        except Refusal as refusal:
            refusal.detail = self._logins.scrub(refusal.detail)
            raise
        finally:
            await self._logins.settle()
        if isinstance(result, Flow):
            await self._relay_flow(result)
        else:
            await self._cancel(result)

    def _take_place(self) -> None:
        """Nobody may keep others out by connections that say nothing."""
        waiting = self._services.waiting
        uid = self._identity.uid
        if waiting[uid] >= _WAITING_OF_ONE_USER:
            raise Disconnected(Side.CLIENT) from Refusal(Reason.LIMIT_REACHED, "too many wait")
        waiting[uid] += 1
        self._placed = True

    async def _log_in(self, need: NeedLogin) -> Login:
        self._wish = need.wish
        if not self.admitted:
            self._admit()
        login = await self._logins.next(need)
        self._services.audit.flush()  # what cannot be audited does not happen
        self._login = login.without_credentials()
        return login

    def _admit(self) -> None:
        limit = self._services.config.limits.sessions
        if self._stopped is not None:
            raise self._stopped
        if not self._identity.may_use(self._role.allow):
            sentence = f'role "{self._role.name}" does not exist'
            raise Refusal(Reason.UNKNOWN_ROLE, sentence, detail="the role's allow does not name it")
        if self._services.open_sessions >= limit:
            raise Refusal(Reason.LIMIT_REACHED, f"all {limit} sessions are taken; try again later")
        self._services.open_sessions += 1
        self._services.waiting[self._identity.uid] -= 1
        self.admitted = True

    async def _relay_flow(self, flow: Flow) -> None:
        assert self._driver.upstream is not None
        tap = self._role.protocol.tap(self._emit, time.monotonic)
        client, upstream = leg(self._client), leg(self._driver.upstream)
        gone = partial(is_gone, self._client.socket)
        self._relay = Relay(client, upstream, tap, self._role.name, gone)
        self._register(flow)
        self._started(flow)
        try:
            try:
                outcome = await self._relay.run(flow)
            finally:
                tap.close()
            self._ended(outcome)
            if outcome.abandoned and flow.cancel_key is not None:
                await self._services.cancels.cancel(flow.cancel_key, self._role.name)
        finally:
            if flow.cancel_key is not None:
                self._services.cancels.remove(flow.cancel_key)

    def _register(self, flow: Flow) -> None:
        if flow.cancel_key is not None:
            assert self._login is not None
            assert self._driver.address is not None
            here = Cancellable(self._role.protocol, self._login, self._driver.address)
            self._services.cancels.add(flow.cancel_key, here)

    async def _cancel(self, request: CancelRequest) -> None:
        self._count("cancel")
        known = await self._services.cancels.cancel(request.key, self._role.name)
        self._emit(SessionCancel(self._identity.describe(), known))

    # -- audit ----------------------------------------------------------------------------------

    def _emit(self, event: Event) -> None:
        self._services.audit.record(event, self._context)

    def _started(self, flow: Flow) -> None:
        """The client is in by now; if that cannot be audited, it is out again with a word why."""
        self._count("started")
        assert self._relay is not None
        kind, client = self._role.protocol.kind, self._identity.describe()
        try:
            wish, versions = _said(self._wish), self._logins.versions
            self._emit(SessionStart(kind, client, wish, flow.facts, versions, self._elapsed()))
            self._services.audit.flush()
        except Refusal as refusal:
            self._stopped = refusal
        if self._stopped is not None:
            self._relay.stop(self._stopped)

    def _ended(self, outcome: Outcome) -> None:
        up, down = outcome.bytes_from_client, outcome.bytes_from_upstream
        self._emit(SessionEnd(outcome.ended_by, outcome.reason, up, down, self._elapsed()))

    def _denied(self, refusal: Refusal) -> None:
        self._count("denied")
        sentence, why = str(refusal), refusal.detail
        _log.warning("session %s of role %s: %s", self.id, self._role.name, why or sentence)
        kind, client, wish = self._role.protocol.kind, self._identity.describe(), _said(self._wish)
        try:
            reason = refusal.reason.name.lower()
            self._emit(SessionDenied(kind, client, wish, reason, sentence, why))
        except Refusal as unwritable:
            _log.error("session %s: %s", self.id, unwritable.detail)

    def _left(self, gone: Exception) -> None:
        """A client that said something and left is worth a line; a probe of the port is not."""
        level = logging.INFO if self._client.heard else logging.DEBUG
        why = f"{gone} ({gone.__cause__})" if gone.__cause__ else str(gone)
        _log.log(level, "session %s of role %s: %s before it was in", self.id, self._role.name, why)

    def _count(self, outcome: str) -> None:
        self._services.metrics.sessions.labels(self._role.name, outcome).inc()

    def _elapsed(self) -> float:
        return round((time.monotonic() - self._begun) * 1000, 3)


def _said(wish: Wish) -> dict[str, str | None]:
    said = {"user": wish.user, "database": wish.database, "application": wish.application}
    return {name: value and value[:_SAID] for name, value in said.items()}

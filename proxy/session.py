"""One session: one client connection to one role, from accept to close. The unit of audit."""

import asyncio
import logging
import socket
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from functools import partial
from secrets import token_hex

from protocols.api import (
    CancelRequest,
    Disconnected,
    Event,
    Flow,
    Login,
    NeedLogin,
    Outcome,
    Side,
    TakeSpare,
    WireProtocol,
    Wish,
)
from protocols.carried import Ask, Carriage, CarriedProtocol, Host
from protocols.errors import Reason, Refusal
from proxy.audit.events import SessionCancel, SessionDenied, SessionEnd, SessionStart
from proxy.audit.log import context
from proxy.cancels import Cancellable
from proxy.config import Role
from proxy.config.schema import Allow
from proxy.connection import Connection
from proxy.doors import Door, unknown
from proxy.driver import Driver, LoggedIn, nonce
from proxy.identity import Identity, identify, is_gone
from proxy.legs import leg
from proxy.login import Logins
from proxy.observer import Observer
from proxy.recordings import Recording
from proxy.relay import Relay
from proxy.services import Services
from proxy.spares import Request

_log = logging.getLogger("keyless.session")
_WAITING_OF_ONE_USER = 500  # connections whose clients have not said yet what they want
_SAID = 128  # characters of what a client called itself; PostgreSQL's names have 63 bytes


class Session:
    """`run` takes it from the client's first byte to its end, whatever that is; raises nothing."""

    def __init__(self, services: Services, door: Door, accepted: socket.socket) -> None:
        self.id = token_hex(8)
        self._services = services
        self._door = door
        self._role: Role | None = None  # until the client has said which
        self._context = ""
        self._logins: Logins | None = None
        self._choose(door.only)
        self._client = Connection(accepted, services.own_tls)
        self._begun = time.monotonic()
        self._identity = Identity("unknown")
        self._driver = Driver(
            services.config.timeouts,
            client=self._client,
            logins=self._log_in,
            memory=services.memory,
        )
        self._driver.spares = self._take_spare
        self._request: Request | None = None  # for a spare
        self._relay: Relay | Carriage | None = None
        self._stopped: Refusal | None = None
        self._placed = False  # among those who have not said yet what they want
        self._last_seen: tuple[int | None, float] = (None, 0.0)  # what had moved, and since when
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
                self._services.places.leave()
            elif self._placed:
                self._services.waiting[self._identity.uid] -= 1
            if self._logins is not None:
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

    def has_been_idle(self, seconds: float) -> bool:
        """Whether it has waited for its client for so long; to be asked now and then."""
        moved = self._relay.moved if self._relay is not None else None
        now = time.monotonic()
        if moved is None or moved != self._last_seen[0]:
            self._last_seen = (moved, now)
        return moved is not None and now - self._last_seen[1] >= seconds

    async def _serve(self) -> None:
        self._identity = identify(self._client.socket)
        self._take_place()
        result = await self._let_in()
        match result:
            case Flow():
                await self._relay_flow(result)
            case CancelRequest():
                await self._cancel(result)
            case _:
                await self._attend(result, result.facts, result.run)

    async def _let_in(self) -> Flow | CancelRequest | Carriage:
        try:
            match self._door.protocol:
                case WireProtocol() as protocol:
                    return await self._shake_hands(protocol)
                case CarriedProtocol() as protocol:
                    return await self._driver.carry(lambda ask: protocol.let_in(self._host(ask)))
            raise AssertionError("there is no third sort of protocol")
        except Refusal as refusal:
            if self._logins is not None:
                refusal.detail = self._logins.scrub(refusal.detail)
            raise
        finally:
            if self._logins is not None:
                await self._logins.settle()

    async def _shake_hands(self, protocol: WireProtocol) -> Flow | CancelRequest:
        result = await self._driver.run(protocol.handshake(nonce))
        request, self._request = self._request, None  # which knows the credentials
        if request is None or isinstance(result, CancelRequest):
            return result
        request.served()
        return replace(result, facts={**result.facts, **request.facts})

    def _host(self, ask: Ask) -> Host:
        config = self._services.config
        folder = config.path.parent / config.audit.recordings

        def record(name: str) -> Recording:
            return Recording(folder / f"{self.id}.{name}")

        return Host(ask, self._services.own_key.read, self._emit, time.monotonic, record)

    def _take_place(self) -> None:
        """Nobody may keep others out by connections that say nothing."""
        waiting = self._services.waiting
        uid = self._identity.uid
        if waiting[uid] >= _WAITING_OF_ONE_USER // self._services.config.workers:
            raise Disconnected(Side.CLIENT) from Refusal(Reason.LIMIT_REACHED, "too many wait")
        waiting[uid] += 1
        self._placed = True

    async def _log_in(self, need: NeedLogin) -> Login:
        if not self.admitted:
            role = self._door.choose(need.wish)
            self._choose(role)
            await self._admit(role)
        assert self._logins is not None
        login = await self._logins.next(need)
        self._services.audit.flush()  # what cannot be audited does not happen
        return login

    def _take_spare(self, wanted: TakeSpare) -> LoggedIn | None:
        assert self._logins is not None
        emit = self._services.audit.emitter(self._context)  # which may outlive us
        self._request = self._services.spares.request(wanted, self._logins.versions, emit)
        return self._request.take()

    def _choose(self, role: Role | None) -> None:
        self._role = role
        self._context = context(session=self.id, role=role.name if role else None)
        if role is not None and self._logins is None:
            self._logins = Logins(role, self._services, self._emit)

    async def _admit(self, role: Role) -> None:
        if role.allow != Allow():
            # A name service may be slow, and everybody else's bytes are not to wait for it.
            await asyncio.to_thread(self._identity.may_use, role.allow)
        if self._stopped is not None:
            raise self._stopped
        if not self._identity.may_use(role.allow):
            raise unknown(role.name, detail="the role's allow does not name it")
        places = self._services.places
        if not places.take():
            sentence = f"all {places.limit} sessions are taken; try again later"
            raise Refusal(Reason.LIMIT_REACHED, sentence)
        self._services.waiting[self._identity.uid] -= 1
        self.admitted = True

    async def _relay_flow(self, flow: Flow) -> None:
        assert self._driver.upstream is not None
        login = self._driver.login
        assert login is not None
        protocol = self._door.protocol
        assert isinstance(protocol, WireProtocol)
        hindsight = self._services.hindsight
        emit = self._services.audit.emitter(self._context)
        tap = protocol.tap(emit, hindsight.clock, login, flow)
        gate = protocol.gate(login, flow, tap)
        readiness = self._services.readiness
        legs = leg(self._client, readiness), leg(self._driver.upstream, readiness)
        gone = partial(is_gone, self._client.socket)
        relay = Relay(legs, Observer(tap, hindsight), gate, login.role, gone)
        self._register(flow, protocol, login)

        async def run() -> Outcome:
            try:
                return await relay.run(flow)
            finally:
                tap.close()

        try:
            outcome = await self._attend(relay, flow.facts, run)
            if outcome.abandoned and flow.cancel_key is not None:
                await self._services.cancels.cancel(flow.cancel_key, self._door.roles)
        finally:
            if flow.cancel_key is not None:
                self._services.cancels.remove(flow.cancel_key)

    async def _attend(
        self,
        relay: Relay | Carriage,
        facts: Mapping[str, str],
        run: Callable[[], Awaitable[Outcome]],
    ) -> Outcome:
        """See to a session that is in, from its first event to its last."""
        self._relay = relay
        self._started(relay, facts)
        outcome = await run()
        self._ended(outcome)
        return outcome

    def _register(self, flow: Flow, protocol: WireProtocol, login: Login) -> None:
        if flow.cancel_key is not None:
            assert self._driver.route is not None
            here = Cancellable(protocol, login, self._driver.route)
            self._services.cancels.add(flow.cancel_key, here)

    async def _cancel(self, request: CancelRequest) -> None:
        self._count("cancel")
        known = await self._services.cancels.cancel(request.key, self._door.roles)
        self._emit(SessionCancel(self._identity.describe(), known))

    # -- audit ----------------------------------------------------------------------------------

    def _emit(self, event: Event) -> None:
        self._services.audit.record(event, self._context)

    def _started(self, relay: Relay | Carriage, facts: Mapping[str, str]) -> None:
        """The client is in; if that cannot be audited, it is out again with a word why."""
        self._count("started")
        assert self._logins is not None
        kind, client = self._door.protocol.kind, self._identity.describe()
        try:
            wish, versions = _said(self._driver.wish), self._logins.versions
            self._emit(SessionStart(kind, client, wish, facts, versions, self._elapsed()))
            self._services.audit.flush()
        except Refusal as refusal:
            self._stopped = refusal
        if self._stopped is not None:
            relay.stop(self._stopped)

    def _ended(self, outcome: Outcome) -> None:
        up, down = outcome.bytes_from_client, outcome.bytes_from_upstream
        self._emit(SessionEnd(outcome.ended_by, outcome.reason, up, down, self._elapsed()))

    def _denied(self, refusal: Refusal) -> None:
        self._count("denied")
        sentence, why = str(refusal), refusal.detail
        _log.warning("session %s of role %s: %s", self.id, self._name, why or sentence)
        kind, client = self._door.protocol.kind, self._identity.describe()
        try:
            wish = _said(self._driver.wish)
            reason = refusal.reason.name.lower()
            self._emit(SessionDenied(kind, client, wish, reason, sentence, why))
        except Refusal as unwritable:
            _log.error("session %s: %s", self.id, unwritable.detail)

    def _left(self, gone: Exception) -> None:
        """A client that said something and left is worth a line; a probe of the port is not."""
        said = self._client.heard or self._driver.wish.user is not None
        level = logging.INFO if said else logging.DEBUG
        why = f"{gone} ({gone.__cause__})" if gone.__cause__ else str(gone)
        _log.log(level, "session %s of role %s: %s before it was in", self.id, self._name, why)

    def _count(self, outcome: str) -> None:
        self._services.metrics.sessions.labels(self._name, outcome).inc()

    @property
    def _name(self) -> str:
        """The role's, as far as it is known."""
        return self._role.name if self._role is not None else ""

    def _elapsed(self) -> float:
        return round((time.monotonic() - self._begun) * 1000, 3)


def _said(wish: Wish) -> dict[str, str | None]:
    said = {"user": wish.user, "database": wish.database, "application": wish.application}
    return {name: value and value[:_SAID] for name, value in said.items()}

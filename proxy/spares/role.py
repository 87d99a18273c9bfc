"""One role's spares: which may be taken, and when others are made.

They are made for a session that is in, with what it has logged in with itself. So no secret is read
for a spare, and none waits where no sessions come.
"""

import logging
import time
from collections.abc import Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial

from prometheus_client import Counter

from protocols.api import Disconnected, Emit, Event, TakeSpare
from protocols.errors import LoginRejected, Refusal
from proxy.audit.events import SpareEnd, SpareLogin
from proxy.spares.maker import Maker
from proxy.spares.patience import Patience
from proxy.spares.spare import Spare
from proxy.spares.stock import Shelf, Stock

_log = logging.getLogger("keyless.spares")
_AT_ONCE = 4  # logins
Begin = Callable[[Coroutine[None, None, None]], None]


@dataclass(frozen=True, slots=True)
class Alike:
    """What a role's spares and the sessions that may take them have in common."""

    target: object
    secret: bytes = field(repr=False)  # a digest
    versions: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Order:
    """A session's, for spares like itself. `emit` tells the audit of that session."""

    wanted: TakeSpare
    alike: Alike
    emit: Emit


class RoleSpares:
    """`begin` has the work done that takes time."""

    def __init__(self, first: TakeSpare, maker: Maker, begin: Begin, count: Counter) -> None:
        self._name = first.role
        self._stock = Stock(first.most, first.seconds)
        self._patience = Patience()
        self._maker = maker
        self._begin = begin
        self._count = count
        self._alike: Alike | None = None
        self._logins = 0

    def shelf(self, order: Order, startup: bytes) -> Shelf:
        """The one for a session that begins. All that waits was made with what is read now."""
        if order.alike != self._alike:
            self.clear("rotation")
            self._alike = order.alike
        return self._stock.ask(startup, time.monotonic())

    def served(self, order: Order, shelf: Shelf, *, by_spare: bool) -> None:
        """The session is in."""
        self._patience.served(by_spare=by_spare)
        if by_spare:
            self._counted("used")
        self._make(order, shelf)

    def clear(self, why: str) -> None:
        """End all that wait."""
        self._stock.clear(why)

    def _make(self, order: Order, shelf: Shelf) -> None:
        """As many as there should be, a few at a time."""
        while (
            self._logins < _AT_ONCE
            and order.alike == self._alike
            and self._stock.lacks(shelf)
            and self._patience.permits(time.monotonic())
        ):
            self._logins += 1
            shelf.making += 1
            self._begin(self._make_one(order, shelf))

    async def _make_one(self, order: Order, shelf: Shelf) -> None:
        begun = time.monotonic()
        try:
            ended = partial(self._ended, order.emit, shelf)  # it must not know the credentials
            spare = await self._maker.make(order.wanted, ended)
        except (Refusal, Disconnected) as fault:
            self._failed(fault)
            self._tell(order.emit, SpareLogin("", order.alike.versions, _since(begun), str(fault)))
        else:
            shelf.spares.append(spare)
            self._counted("made")
            told = SpareLogin(spare.id, order.alike.versions, _since(begun), None)
            if not self._tell(order.emit, told):
                self._patience.failed(time.monotonic())
                spare.end("unaudited")
            elif order.alike != self._alike:
                spare.end("rotation")
        finally:
            self._logins -= 1
            shelf.making -= 1
        self._make(order, shelf)

    def _failed(self, fault: Exception) -> None:
        self._counted("failed")
        _log.warning("no spare for role %s: %s", self._name, fault)
        if isinstance(fault, LoginRejected):
            self._patience.rejected()
            self.clear("rejected")
        else:
            self._patience.failed(time.monotonic())

    def _ended(self, emit: Emit, shelf: Shelf, spare: Spare, why: str) -> None:
        with suppress(ValueError):  # it may be on its way to its session
            shelf.spares.remove(spare)
        if why == "upstream":
            self._patience.failed(time.monotonic())
        self._counted("dropped")
        self._tell(emit, SpareEnd(spare.id, why))

    def _tell(self, emit: Emit, event: Event) -> bool:
        """Whether the audit could be told."""
        try:
            emit(event)
        except Refusal as unwritable:
            _log.error("spares of role %s: %s", self._name, unwritable.detail)
            return False
        return True

    def _counted(self, outcome: str) -> None:
        self._count.labels(self._name, outcome).inc()


def _since(begun: float) -> float:
    return round((time.monotonic() - begun) * 1000, 3)

"""The contract with a protocol that carries its own sessions, from the first byte to the last.

Its two connections have a state of their own as long as they live, such as SSH's keys, so the proxy
cannot relay their bytes. What a handshake yields it asks for, and is answered in the same way.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from protocols.api import Clock, Command, Emit, Kind, Outcome, Side
from protocols.errors import Refusal


@dataclass(frozen=True, slots=True)
class Attach:
    """Answered with None once `protocol`, an asyncio.Protocol, has the connection of `side`."""

    side: Side
    protocol: Any


@dataclass(frozen=True, slots=True)
class Await:
    """Answered with what `work` comes to, in the time that `side` has."""

    side: Side
    work: Awaitable[Any]


Errand = Command | Attach | Await
Ask = Callable[[Errand], Awaitable[Any]]


class Recording(Protocol):
    """Where a recording goes. Raises Refusal where it cannot be kept, for nothing happens unseen,
    and is closed by that."""

    def write(self, data: bytes) -> None: ...

    def close(self) -> None: ...


OpenRecording = Callable[[str], Recording]
"""Makes a recording of a name that the session has not used yet, such as "1.cast". Raises
Refusal."""


@dataclass(frozen=True, slots=True)
class Host:
    """What the proxy does for one session. `ask` raises what is thrown into a handshake. `own_key`
    is the proxy's private key: what it is given makes the key the first time, and for ever."""

    ask: Ask
    own_key: Callable[[Callable[[], bytes]], Awaitable[bytes]]
    emit: Emit
    clock: Clock
    record: OpenRecording


class Carriage(Protocol):
    """One session. Upstream is in, and the client will be with `run`."""

    @property
    def facts(self) -> Mapping[str, str]:
        """For the audit."""

    @property
    def idle(self) -> bool:
        """Whether nothing is open in it that could be at work."""

    @property
    def moved(self) -> int | None:
        """Counts what is said and asked for, both ways, and not signs of life; None as long as
        upstream has something to do for the client, whose silence tells nothing."""

    async def run(self) -> Outcome:
        """Carry it until it is over and both connections are closed."""

    def stop(self, refusal: Refusal) -> None:
        """End it, even before `run`, and tell the client why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CarriedProtocol(Kind):
    """What a folder offers whose protocol is of this sort."""

    let_in: Callable[[Host], Awaitable[Carriage]]
    """From a client's first byte to upstream being in; a refusal is told to the client."""

    try_login: Callable[[Any, Ask], Awaitable[Mapping[str, str]]]
    """Log in to upstream and leave again: returns the session's facts."""

    probe: Callable[[str, Ask], Awaitable[None]]
    """As a client, see whether the proxy at UPSTREAM lets us in as this role, and leave again."""

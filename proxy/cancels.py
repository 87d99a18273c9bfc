"""Which session a cancel key belongs to, so that a request reaches its upstream and no other."""

import logging
from collections.abc import Awaitable, Callable, Container
from dataclasses import dataclass

from protocols.api import Disconnected, Login, WireProtocol
from protocols.errors import Refusal
from proxy.config.schema import Timeouts
from proxy.dial import Route
from proxy.driver import Driver

_log = logging.getLogger("keyless.cancel")
Elsewhere = Callable[[bytes, Container[str]], Awaitable[bool]]


@dataclass(frozen=True, slots=True)
class Cancellable:
    """Where a session is, and how it got there."""

    protocol: WireProtocol
    login: Login
    route: Route


async def nowhere(key: bytes, roles: Container[str]) -> bool:
    """Of a process that has no other beside it."""
    return False


class Cancels:
    """The open sessions of one process by their keys. A key that is none of them is asked for
    `elsewhere`, and one that is nobody's does nothing."""

    def __init__(self, timeouts: Timeouts, elsewhere: Elsewhere = nowhere) -> None:
        self._timeouts = timeouts
        self._elsewhere = elsewhere
        self._sessions: dict[bytes, Cancellable] = {}

    def add(self, key: bytes, session: Cancellable) -> None:
        self._sessions[key] = session

    def remove(self, key: bytes) -> None:
        self._sessions.pop(key, None)

    async def cancel(self, key: bytes, roles: Container[str]) -> bool:
        """Have upstream stop what the session does. False: the key is no session's of these."""
        return await self.cancel_here(key, roles) or await self._elsewhere(key, roles)

    async def cancel_here(self, key: bytes, roles: Container[str]) -> bool:
        """The same for sessions of this process only."""
        session = self._sessions.get(key)
        if session is None or session.login.role not in roles or session.protocol.cancel is None:
            return False
        driver = Driver(self._timeouts, route=session.route)
        try:
            await driver.run(session.protocol.cancel(session.login, key))
        except (Refusal, Disconnected) as fault:
            _log.warning("a cancel request did not get through: %s", fault)
        finally:
            driver.close()
        return True

"""All roles' spares of one process."""

import asyncio
import hmac
from collections.abc import Coroutine
from secrets import token_bytes

from protocols.api import Emit, TakeSpare
from proxy.config.schema import Timeouts
from proxy.memory import Memory
from proxy.metrics import Metrics
from proxy.readiness import Readiness
from proxy.spares.maker import Maker
from proxy.spares.request import Request
from proxy.spares.role import Alike, Order, RoleSpares


class Spares:
    """No secret is kept, only what a key of this process alone makes of it, to tell whether it is
    the same one."""

    def __init__(
        self, timeouts: Timeouts, memory: Memory, readiness: Readiness, metrics: Metrics
    ) -> None:
        self._maker = Maker(timeouts, memory, readiness)
        self._metrics = metrics
        self._key = token_bytes(32)
        self._roles: dict[str, RoleSpares] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def request(self, wanted: TakeSpare, versions: tuple[str, ...], emit: Emit) -> Request:
        """That of a session which has just read its secrets, of these `versions`."""
        secret = wanted.secret.encode("utf-8", "surrogateescape")
        alike = Alike(wanted.target, self._digest(secret), versions)
        order = Order(wanted, alike, emit)
        return Request(self._role(wanted), order, self._digest(wanted.startup))

    async def close(self) -> None:
        """End all, and make no more."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for role in self._roles.values():
            role.clear("shutdown")

    def _role(self, wanted: TakeSpare) -> RoleSpares:
        if wanted.role not in self._roles:
            self._roles[wanted.role] = RoleSpares(
                wanted, self._maker, self._begin, self._metrics.spares
            )
        return self._roles[wanted.role]

    def _begin(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _digest(self, secret: bytes) -> bytes:
        return hmac.digest(self._key, secret, "sha256")

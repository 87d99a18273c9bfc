"""One storm on servers of its own."""

import asyncio
import secrets
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from bench.ports import free_port
from bench.storm.clients import Connect, connect_until
from bench.storm.databases import DATABASES, account
from bench.storm.door import Door
from bench.storm.findings import Findings
from bench.storm.rotation import Rotation
from bench.storm.servers import ROLE, Aws, Provider, Proxy, Vault

PROVIDERS: Mapping[str, Callable[[ExitStack], Provider]] = MappingProxyType(
    {"vault": Vault, "aws": Aws}
)
_USER = "storm"


@dataclass(frozen=True, slots=True)
class Settings:
    """How strong it is, and what Keyless may do against it. Times in seconds."""

    seconds: float
    clients: int
    outage: float
    cache_ttl: float
    stale_if_error: float


class Storm:
    """Its servers end with `stack`."""

    def __init__(
        self, stack: ExitStack, database: str, provider: str, order: str, settings: Settings
    ) -> None:
        self._name = f"{database}, {provider}, {order}"
        self._settings = settings
        self._folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="storm-")))
        self._database = DATABASES[database](stack, settings.clients * 4 + 20)
        self._provider = PROVIDERS[provider](stack)
        self._store = self._provider.store(_USER)
        of_database = account(stack, self._database, _USER)
        self._rotation = Rotation(of_database, self._store, order, _passwords())
        self._door = Door(free_port(), self._provider.port)

    def run(self) -> Findings:
        with self._proxy() as proxy:
            connects = asyncio.run(self._run(proxy.place))
        return Findings.of(self._name, self._rotation.count, connects, proxy.audit)

    def _proxy(self) -> Proxy:
        port = self._door.port if self._settings.outage else self._provider.port
        return Proxy(
            self._folder / "keyless",
            self._provider.environment(port),
            database=self._database,
            reference=self._store.reference,
            cache_ttl=self._settings.cache_ttl,
            stale_if_error=self._settings.stale_if_error,
        )

    async def _run(self, place: tuple[str, int]) -> list[Connect]:
        end = time.monotonic() + self._settings.seconds
        await self._door.open()
        kind, count = self._database.kind, self._settings.clients
        clients = asyncio.create_task(connect_until(end, place, ROLE, count, kind=kind))
        if self._settings.outage:
            await self._rotation.run(end - (self._settings.seconds + self._settings.outage) / 2)
            await self._break()
        await self._rotation.run(end)
        connects = await clients
        await self._door.shut()
        return connects

    async def _break(self) -> None:
        """No rotation meanwhile: nobody could tell the provider of it."""
        await self._door.shut()
        await asyncio.to_thread(self._provider.stop)
        await asyncio.sleep(self._settings.outage)
        await asyncio.to_thread(self._provider.start)
        await asyncio.to_thread(self._rotation.refill)
        await self._door.open()


def _passwords() -> Iterator[str]:
    while True:
        yield secrets.token_urlsafe()

"""Reads secrets for sessions: off the event loop, in time, and once for all who ask at once.

Unless the file asks for it, nothing is kept: a read is shared only while it is in flight. What
`cache_ttl` and `stale_if_error` keep is dropped when its time is over.
"""

import asyncio
import logging
import math
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar, cast

from providers.api import Lease, LeasingProvider, Provider, SecretVersion, Stage
from providers.errors import ProviderError, ProviderUnavailable
from proxy.config.schema import SecretSettings
from proxy.metrics import Metrics

_log = logging.getLogger("keyless.secrets")

SecretName = tuple[str, str]  # the provider's name, and the secret's name there
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Read:
    """One secret as one session got it. `source`: its own read, another session's (shared), or
    what was kept (cached; stale where the provider does not answer)."""

    version: SecretVersion
    source: str
    seconds: float


@dataclass(frozen=True, slots=True)
class _Flight:
    """A read under way, or what is left of it. `begun` in monotonic seconds."""

    task: asyncio.Task[SecretVersion]
    begun: float


class SecretReader:
    """One process's way to its providers."""

    def __init__(
        self,
        providers: Mapping[str, Provider],
        settings: SecretSettings,
        timeout: float,
        metrics: Metrics,
    ) -> None:
        self._providers = providers
        self._settings = settings
        self._timeout = timeout
        self._metrics = metrics
        self._threads = {
            name: ThreadPoolExecutor(settings.reads_at_once, f"keyless-{name}")
            for name in providers
        }
        self._in_flight: dict[tuple[SecretName, Stage], _Flight] = {}
        self._kept: dict[SecretName, _Flight] = {}
        self._revocations: set[asyncio.Future[None]] = set()

    def stages(self, provider: str) -> tuple[Stage, ...]:
        """What a provider keeps of a secret beside the current version."""
        return self._providers[provider].stages

    def makes_secrets(self, provider: str) -> bool:
        """Whether a provider has a new secret for every read."""
        return self._providers[provider].makes_secrets

    async def read(
        self, secret: SecretName, stage: Stage = Stage.CURRENT, *, fresh: bool = False
    ) -> Read:
        """Read a secret, or take what is in flight or was kept; if `fresh`, nothing that was asked
        for before now. Raises ProviderError.
        """
        begun = time.monotonic()
        try:
            version, source = await self._find(secret, stage, begun if fresh else -math.inf)
        except ProviderError:
            self._metrics.secret_reads.labels(secret[0], "error").inc()
            raise
        self._metrics.secret_reads.labels(secret[0], source).inc()
        return Read(version, source, time.monotonic() - begun)

    async def renew(self, provider: str, lease: Lease) -> Lease:
        """Raises ProviderError."""
        leasing = cast(LeasingProvider, self._providers[provider])
        return await self._run(provider, lambda: leasing.renew(lease, self._timeout))

    async def revoke(self, provider: str, lease_id: str) -> None:
        """Raises ProviderError."""
        leasing = cast(LeasingProvider, self._providers[provider])
        await self._run(provider, lambda: leasing.revoke(lease_id, self._timeout))

    def close(self) -> None:
        for name, threads in self._threads.items():
            threads.shutdown(wait=False, cancel_futures=True)
            self._providers[name].close()

    def _is_immediate(self, provider: str) -> bool:
        return getattr(self._providers[provider], "immediate", False)

    async def _find(
        self, secret: SecretName, stage: Stage, since: float
    ) -> tuple[SecretVersion, str]:
        if self.makes_secrets(secret[0]):
            return await self._make(secret), "read"
        if self._is_immediate(secret[0]):
            return await self._fetch(secret, stage), "read"
        if kept := self._fit(secret, stage, since, self._settings.cache_ttl):
            return kept, "cached"
        try:
            return await self._read(secret, stage, since)
        except ProviderUnavailable:
            if kept := self._fit(secret, stage, since, self._settings.stale_if_error):
                return kept, "stale"
            raise

    async def _make(self, secret: SecretName) -> SecretVersion:
        """A secret of one's own. One that is made after nobody waits for it any more is ended."""
        task = asyncio.ensure_future(self._fetch(secret, Stage.CURRENT))
        try:
            return await self._in_time(task)
        except (asyncio.CancelledError, ProviderUnavailable):
            task.add_done_callback(lambda _: self._end_orphan(secret[0], task))
            raise

    def _end_orphan(self, provider: str, task: asyncio.Task[SecretVersion]) -> None:
        if not task.cancelled() and task.exception() is None and (lease := task.result().lease):
            revocation = asyncio.ensure_future(self._revoke_orphan(provider, lease.id))
            self._revocations.add(revocation)
            revocation.add_done_callback(self._revocations.discard)

    async def _revoke_orphan(self, provider: str, lease_id: str) -> None:
        try:
            await self.revoke(provider, lease_id)
        except ProviderError as error:
            _log.warning("lease %s of %s could not be ended: %s", lease_id, provider, error)

    def _fit(
        self, secret: SecretName, stage: Stage, since: float, seconds: float
    ) -> SecretVersion | None:
        """What was kept, if it is not older than this."""
        kept = self._kept.get(secret) if stage is Stage.CURRENT else None
        if kept is None or kept.begun < since or time.monotonic() - kept.begun > seconds:
            return None
        return kept.task.result()

    async def _read(
        self, secret: SecretName, stage: Stage, since: float
    ) -> tuple[SecretVersion, str]:
        """One read in flight: who needs a later one waits for it to end, and then for the next."""
        deadline = time.monotonic() + self._timeout
        while flight := self._in_flight.get((secret, stage)):
            if flight.begun >= since:
                return await self._in_time(flight.task), "shared"
            await asyncio.wait({flight.task}, timeout=deadline - time.monotonic())
            if time.monotonic() >= deadline:
                break
        return await self._in_time(self._begin(secret, stage).task), "read"

    async def _in_time(self, task: asyncio.Task[SecretVersion]) -> SecretVersion:
        try:
            # Shielded: a session that gives up must not take the others' answer with it.
            return await asyncio.wait_for(asyncio.shield(task), self._timeout)
        except TimeoutError:
            raise ProviderUnavailable(f"no answer within {self._timeout:g} s") from None

    def _begin(self, secret: SecretName, stage: Stage) -> _Flight:
        task = asyncio.ensure_future(self._fetch(secret, stage))
        flight = _Flight(task, time.monotonic())
        self._in_flight[secret, stage] = flight
        task.add_done_callback(lambda _: self._landed(secret, stage, flight))
        return flight

    def _landed(self, secret: SecretName, stage: Stage, flight: _Flight) -> None:
        if self._in_flight.get((secret, stage)) is flight:
            del self._in_flight[secret, stage]
        if flight.task.cancelled() or flight.task.exception() is not None:
            return
        seconds = max(self._settings.cache_ttl, self._settings.stale_if_error)
        if seconds and stage is Stage.CURRENT:
            self._kept[secret] = flight
            asyncio.get_running_loop().call_later(seconds, self._drop, secret, flight)

    def _drop(self, secret: SecretName, flight: _Flight) -> None:
        if self._kept.get(secret) is flight:
            del self._kept[secret]

    async def _fetch(self, secret: SecretName, stage: Stage) -> SecretVersion:
        provider, name = secret
        fetch = self._providers[provider].fetch
        return await self._run(provider, lambda: fetch(name, self._timeout, stage))

    async def _run(self, provider: str, work: Callable[[], T]) -> T:
        """In one of the provider's own threads, so that a slow one holds nobody else up."""
        loop = asyncio.get_running_loop()
        in_flight = self._metrics.reads_in_flight.labels(provider)
        with (
            in_flight.track_inprogress(),
            self._metrics.secret_read_seconds.labels(provider).time(),
        ):
            try:
                if self._is_immediate(provider):
                    return work()  # to and from a thread it would take ten times as long
                return await loop.run_in_executor(self._threads[provider], work)
            except ProviderError:
                raise
            except Exception as error:
                # A library may put anything into its texts: only the type is told.
                why = f"the provider failed with {type(error).__name__}"
                raise ProviderUnavailable(why) from None

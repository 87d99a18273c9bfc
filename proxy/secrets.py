"""Reads secrets for sessions: off the event loop, in time, and once for all who ask at once.

Nothing is kept: a read is shared only while it is in flight.
"""

import asyncio
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from providers.api import Provider, SecretVersion
from providers.errors import ProviderError, ProviderUnavailable

_READS_AT_ONCE = 16  # for each provider, so that a slow one holds nobody else up

SecretName = tuple[str, str]  # the provider's name, and the secret's name there


@dataclass(frozen=True, slots=True)
class Read:
    """One secret as one session got it. `shared`: the read was another session's."""

    version: SecretVersion
    shared: bool
    seconds: float


class SecretReader:
    """One process's way to its providers."""

    def __init__(self, providers: Mapping[str, Provider], timeout: float) -> None:
        self._providers = providers
        self._timeout = timeout
        self._threads = {
            name: ThreadPoolExecutor(_READS_AT_ONCE, f"keyless-{name}") for name in providers
        }
        self._in_flight: dict[SecretName, asyncio.Task[SecretVersion]] = {}

    async def read(self, secret: SecretName, *, fresh: bool = False) -> Read:
        """Read a secret now, or join a read in flight; `fresh` joins none that began before.

        Raises ProviderError.
        """
        begun = time.monotonic()
        task = None if fresh else self._in_flight.get(secret)
        shared = task is not None
        if task is None:
            task = self._begin(secret)
        try:
            # Shielded: a session that gives up must not take the others' answer with it.
            version = await asyncio.wait_for(asyncio.shield(task), self._timeout)
        except TimeoutError:
            raise ProviderUnavailable(f"no answer within {self._timeout:g} s") from None
        return Read(version, shared, time.monotonic() - begun)

    def close(self) -> None:
        for name, threads in self._threads.items():
            threads.shutdown(wait=False, cancel_futures=True)
            self._providers[name].close()

    def _begin(self, secret: SecretName) -> asyncio.Task[SecretVersion]:
        task = asyncio.ensure_future(self._fetch(secret))
        self._in_flight[secret] = task
        task.add_done_callback(lambda done: self._forget(secret, done))
        return task

    def _forget(self, secret: SecretName, task: asyncio.Task[SecretVersion]) -> None:
        if self._in_flight.get(secret) is task:
            del self._in_flight[secret]
        if not task.cancelled():
            task.exception()  # whoever still waits has it; nobody may, and that is no fault

    async def _fetch(self, secret: SecretName) -> SecretVersion:
        provider, name = secret
        loop = asyncio.get_running_loop()
        try:
            return await loop.run_in_executor(
                self._threads[provider], self._providers[provider].fetch, name, self._timeout
            )
        except ProviderError:
            raise
        except Exception as error:
            # A provider's own libraries may put anything into their texts: only the type is told.
            raise ProviderUnavailable(f"the provider failed with {type(error).__name__}") from None

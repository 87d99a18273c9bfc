"""Renews a process's leases, and revokes them: at their session's end, or in a dead one's place."""

import asyncio
import logging
from collections.abc import Iterable
from pathlib import Path

from providers.api import Lease
from providers.errors import ProviderError
from proxy.leases.journal import Journal, LeaseName, abandoned
from proxy.secrets import SecretReader

_log = logging.getLogger("keyless.leases")
_RENEW_AT = 0.5  # of a lease's time, so that a renewal that fails can be tried again
_SHORTEST_PAUSE = 1.0


class Leases:
    """The live leases of one process. `folder` is made when the first one is."""

    def __init__(self, secrets: SecretReader, folder: Path) -> None:
        self._secrets = secrets
        self._folder = folder
        self._journal: Journal | None = None
        self._renewals: dict[LeaseName, asyncio.Task[None]] = {}

    def adopt(self, provider: str, lease: Lease) -> LeaseName:
        """Keep a lease alive from now on. Raises OSError where the journal cannot be written."""
        if self._journal is None:
            self._journal = Journal(self._folder)
        name = (provider, lease.id)
        self._journal.begun(name)
        if lease.renewable:
            self._renewals[name] = asyncio.create_task(self._renew(name, lease))
        return name

    async def end(self, names: Iterable[LeaseName]) -> None:
        """Revoke; one that cannot be stays in the journal for the next process."""
        await asyncio.gather(*map(self._end, names))

    async def recover(self) -> None:
        """End what killed processes left behind."""
        for journal in abandoned(self._folder):
            for name in list(journal.live):
                if await self._revoke(name):
                    journal.ended(name)
            journal.close()

    async def close(self) -> None:
        """End what is live still."""
        if self._journal is not None:
            await self.end(list(self._journal.live))
            self._journal.close()

    async def _end(self, name: LeaseName) -> None:
        if renewal := self._renewals.pop(name, None):
            renewal.cancel()
        if await self._revoke(name):
            assert self._journal is not None
            try:
                self._journal.ended(name)
            except OSError as error:  # the next process will ask for its end again, in vain
                _log.warning("the lease journal cannot be written: %s", error.strerror)

    async def _revoke(self, name: LeaseName) -> bool:
        provider, lease_id = name
        try:
            await self._secrets.revoke(provider, lease_id)
        except (ProviderError, KeyError) as error:  # or the file knows that provider no more
            _log.warning("lease %s of %s could not be ended: %s", lease_id, provider, error)
            return False
        return True

    async def _renew(self, name: LeaseName, lease: Lease) -> None:
        """As long as the provider lets it live; its session outlives a lease that ends."""
        while lease.renewable:
            await asyncio.sleep(max(_SHORTEST_PAUSE, lease.seconds * _RENEW_AT))
            try:
                lease = await self._secrets.renew(name[0], lease)
            except ProviderError as error:
                _log.warning("lease %s of %s was not renewed: %s", *reversed(name), error)
                if not error.retryable:
                    return

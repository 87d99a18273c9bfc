"""Rotations of a password: in which order it changes where, and how often."""

import asyncio
import random
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import MappingProxyType

from bench.storm.databases import Account
from bench.storm.stores import AwsStore, Store

_EVERY = 2.0  # seconds from one rotation's begin to the next one's
_LONGEST_GAP = 0.5  # seconds between two steps of a rotation

Step = Callable[[str], None]


def _database_first(account: Account, store: Store) -> Sequence[Step]:
    return account.change, store.write


def _provider_first(account: Account, store: Store) -> Sequence[Step]:
    return store.write, account.change


def _staged(account: Account, store: Store) -> Sequence[Step]:
    """As AWS rotates: pending, then the database, then current."""
    assert isinstance(store, AwsStore)
    return store.write_pending, account.change, store.promote


ORDERS: Mapping[str, Callable[[Account, Store], Sequence[Step]]] = MappingProxyType(
    {"database-first": _database_first, "provider-first": _provider_first, "staged": _staged}
)


class Rotation:
    """Gives account and store the first of `passwords`, and then one after the other."""

    def __init__(
        self, account: Account, store: Store, order: str, passwords: Iterator[str]
    ) -> None:
        self._steps = ORDERS[order](account, store)
        self._store = store
        self._passwords = passwords
        self._password = next(passwords)
        self.count = 0
        account.change(self._password)
        store.write(self._password)

    def refill(self) -> None:
        """Give a store that has lost everything the current password."""
        self._store.write(self._password)

    async def run(self, end: float) -> None:
        """Rotate until `end`, in monotonic seconds; what has begun is finished."""
        while (begun := time.monotonic()) < end:
            await self._rotate()
            await asyncio.sleep(max(0, begun + _EVERY - time.monotonic()))

    async def _rotate(self) -> None:
        self._password = next(self._passwords)
        for number, step in enumerate(self._steps):
            if number:
                await asyncio.sleep(random.uniform(0, _LONGEST_GAP))
            await asyncio.to_thread(step, self._password)
        self.count += 1

"""Secrets that a provider makes for one reader: nobody else's, and ended where nobody waits."""

import asyncio

import pytest

from providers.api import Stage
from providers.errors import ProviderUnavailable
from tests.proxy.conftest import OpenReader
from tests.proxy.stand_in import Maker, told
from tests.waiting import PATIENCE

_NAME = ("standin", "app")
_DOWN = ProviderUnavailable("down for now")
_STAYS_SO = 0.3  # seconds in which what must not happen would


async def test_a_secret_that_is_made_is_nobody_elses(open_reader: OpenReader) -> None:
    maker = Maker()
    reader = open_reader(maker, cache_ttl=60, stale_if_error=60)
    maker.gate.clear()
    reads = [asyncio.create_task(told(reader)) for _ in range(3)]
    await maker.until_asked(3)
    maker.gate.set()
    seen = await asyncio.gather(*reads)
    assert {version for version, _ in seen} == {"1", "2", "3"}
    assert {source for _, source in seen} == {"read"}
    maker.answers[Stage.CURRENT] = _DOWN
    with pytest.raises(ProviderUnavailable):
        await reader.read(_NAME)


async def test_one_that_is_made_too_late_is_ended(open_reader: OpenReader) -> None:
    maker = Maker()
    reader = open_reader(maker, timeout=0.3)
    maker.gate.clear()
    with pytest.raises(ProviderUnavailable, match="no answer within"):
        await reader.read(_NAME)
    await _ends(maker, "lease/1")


async def test_one_whose_session_gave_up_is_ended(open_reader: OpenReader) -> None:
    maker = Maker()
    reader = open_reader(maker)
    maker.gate.clear()
    read = asyncio.create_task(reader.read(_NAME))
    await maker.until_asked(1)
    read.cancel()
    with pytest.raises(asyncio.CancelledError):
        await read
    await _ends(maker, "lease/1")


async def test_one_that_failed_after_all_is_not(open_reader: OpenReader) -> None:
    maker = Maker()
    maker.answers[Stage.CURRENT] = _DOWN
    reader = open_reader(maker, timeout=0.3)
    maker.gate.clear()
    with pytest.raises(ProviderUnavailable):
        await reader.read(_NAME)
    maker.gate.set()
    await asyncio.sleep(_STAYS_SO)
    assert maker.revoked == []


async def _ends(maker: Maker, lease: str) -> None:
    """It is revoked once it is made, and not before."""
    await asyncio.sleep(0)
    assert maker.revoked == []
    maker.gate.set()
    async with asyncio.timeout(PATIENCE):
        while not maker.revoked:
            await asyncio.sleep(0.01)
    assert maker.revoked == [lease]

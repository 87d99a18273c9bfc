"""Secrets are read anew for every session, once for all who ask at the same time, and in time."""

import asyncio
import threading
import time

import pytest

from providers.api import Stage
from providers.errors import AccessDenied, ProviderError, ProviderUnavailable
from proxy.secrets import SecretReader
from tests.proxy.conftest import OpenReader
from tests.proxy.stand_in import Immediate, Keeper, StandIn, told
from tests.secrecy import CANARY

_NAME = ("standin", "app")
_STAYS_SO = 0.3  # seconds in which what must not happen would


async def test_every_session_reads_anew(reader: SecretReader) -> None:
    assert [await told(reader) for _ in range(2)] == [("1", "read"), ("2", "read")]
    assert (await reader.read(_NAME)).seconds < 1


async def test_a_read_in_flight_is_shared(provider: StandIn, reader: SecretReader) -> None:
    provider.gate.clear()
    reads = [asyncio.create_task(told(reader)) for _ in range(50)]
    await provider.until_asked(1)
    provider.gate.set()
    assert await asyncio.gather(*reads) == [("1", "read")] + [("1", "shared")] * 49


async def test_a_fresh_read_waits_for_the_one_in_flight_and_shares_the_next(
    provider: StandIn, reader: SecretReader
) -> None:
    provider.gate.clear()
    old = asyncio.create_task(told(reader))
    await provider.until_asked(1)
    fresh = [asyncio.create_task(told(reader, fresh=True)) for _ in range(3)]
    await asyncio.sleep(_STAYS_SO)
    assert len(provider.asked) == 1  # never two of the same secret at once
    provider.gate.set()
    assert await old == ("1", "read")
    assert sorted([await task for task in fresh]) == [("2", "read")] + [("2", "shared")] * 2


async def test_a_fresh_read_does_not_wait_for_ever(open_reader: OpenReader) -> None:
    provider = StandIn()
    reader = open_reader(provider, timeout=0.3)
    provider.gate.clear()
    old = asyncio.create_task(reader.read(_NAME))
    await provider.until_asked(1)
    begun = time.monotonic()
    with pytest.raises(ProviderUnavailable):
        await reader.read(_NAME, fresh=True)
    assert time.monotonic() - begun < 2
    with pytest.raises(ProviderUnavailable):
        await old


async def test_the_stages_of_a_secret_are_read_apart(open_reader: OpenReader) -> None:
    provider = Keeper()
    provider.answers = {Stage.CURRENT: "new", Stage.PREVIOUS: "old"}
    reader = open_reader(provider, cache_ttl=60)
    both = await asyncio.gather(reader.read(_NAME), reader.read(_NAME, Stage.PREVIOUS))
    assert [read.version.version for read in both] == ["new", "old"]
    again = await reader.read(_NAME, Stage.PREVIOUS)
    assert (again.version.version, again.source) == ("old", "read")  # never from what was kept
    assert await told(reader) == ("new", "cached")  # and never kept as the current one


async def test_one_who_gives_up_leaves_the_answer_to_the_others(
    provider: StandIn, reader: SecretReader
) -> None:
    provider.gate.clear()
    first = asyncio.create_task(told(reader))
    second = asyncio.create_task(told(reader))
    await provider.until_asked(1)
    first.cancel()
    provider.gate.set()
    assert await second == ("1", "shared")


async def test_nobody_waits_longer_than_the_deadline(
    provider: StandIn, reader: SecretReader
) -> None:
    provider.gate.clear()
    begun = time.monotonic()
    with pytest.raises(ProviderUnavailable, match="no answer within 1 s"):
        await reader.read(_NAME)
    assert 0.9 < time.monotonic() - begun < 3


async def test_a_slow_provider_holds_no_other_up(
    provider: StandIn, open_reader: OpenReader
) -> None:
    reader = open_reader(provider, StandIn(), timeout=5)
    provider.gate.clear()
    slow = [asyncio.create_task(reader.read(("standin", str(n)))) for n in range(40)]
    await provider.until_asked(16)
    assert (await reader.read(("standin1", "app"))).seconds < 1
    provider.gate.set()
    await asyncio.gather(*slow)


async def test_no_more_reads_at_once_than_the_file_says(
    provider: StandIn, open_reader: OpenReader
) -> None:
    reader = open_reader(provider, timeout=5, reads_at_once=3)
    provider.gate.clear()
    reads = [asyncio.create_task(reader.read(("standin", str(n)))) for n in range(10)]
    await provider.until_asked(3)
    await asyncio.sleep(_STAYS_SO)
    assert len(provider.asked) == 3
    provider.gate.set()
    await asyncio.gather(*reads)
    assert len(provider.asked) == 10


async def test_a_providers_own_error_is_handed_on(provider: StandIn, reader: SecretReader) -> None:
    provider.answers[Stage.CURRENT] = AccessDenied("not you")
    with pytest.raises(AccessDenied, match="not you"):
        await reader.read(_NAME)


async def test_any_other_error_is_told_by_its_type_only(
    provider: StandIn, reader: SecretReader
) -> None:
    provider.answers[Stage.CURRENT] = ValueError(CANARY)
    with pytest.raises(ProviderError) as raised:
        await reader.read(_NAME)
    assert str(raised.value) == "the provider failed with ValueError"
    assert raised.value.__suppress_context__


async def test_closing_closes_the_providers(provider: StandIn, reader: SecretReader) -> None:
    reader.close()
    assert provider.closed


async def test_what_waits_for_nothing_is_asked_without_a_thread(open_reader: OpenReader) -> None:
    """And always anew, for nothing is gained by keeping it."""
    provider = Immediate()
    reader = open_reader(provider, cache_ttl=60)
    assert await told(reader) == ("1", "read")
    assert await told(reader) == ("2", "read")
    assert provider.threads == {threading.get_ident()}

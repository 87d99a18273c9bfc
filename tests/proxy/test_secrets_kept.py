"""What `cache_ttl` and `stale_if_error` keep of secrets, for whom, and for how long."""

import asyncio

import pytest

from providers.api import Stage
from providers.errors import AccessDenied, ProviderUnavailable
from proxy.secrets import SecretReader
from tests.proxy.conftest import OpenReader
from tests.proxy.stand_in import StandIn, forgotten, in_memory, told

_NAME = ("standin", "app")
_DOWN = ProviderUnavailable("down for now")


async def _after(reader: SecretReader, seconds: float) -> tuple[str, str]:
    await asyncio.sleep(seconds)
    return await told(reader)


async def test_a_secret_is_used_again_until_its_time_is_over(
    provider: StandIn, open_reader: OpenReader
) -> None:
    reader = open_reader(provider, cache_ttl=0.5)
    assert await told(reader) == ("1", "read")
    assert await told(reader) == ("1", "cached")
    assert await _after(reader, 0.6) == ("2", "read")


async def test_being_used_makes_a_secret_no_younger(
    provider: StandIn, open_reader: OpenReader
) -> None:
    reader = open_reader(provider, cache_ttl=0.5)
    seen = [await _after(reader, 0.2) for _ in range(4)]
    assert seen == [("1", "read"), ("1", "cached"), ("1", "cached"), ("2", "read")]


async def test_age_counts_from_the_question_not_from_the_answer(
    provider: StandIn, open_reader: OpenReader
) -> None:
    """What the provider said may have been out of date by the time it arrived."""
    reader = open_reader(provider, cache_ttl=0.5)
    provider.gate.clear()
    first = asyncio.create_task(told(reader))
    await asyncio.sleep(0.6)
    provider.gate.set()
    assert await first == ("1", "read")
    assert await told(reader) == ("2", "read")


async def test_a_fresh_read_takes_nothing_that_was_kept(
    provider: StandIn, open_reader: OpenReader
) -> None:
    reader = open_reader(provider, cache_ttl=60)
    assert await told(reader) == ("1", "read")
    assert await told(reader, fresh=True) == ("2", "read")
    assert await told(reader) == ("2", "cached")


@pytest.mark.parametrize("setting", ["cache_ttl", "stale_if_error"])
async def test_what_was_kept_leaves_memory_when_its_time_is_over(
    provider: StandIn, open_reader: OpenReader, setting: str
) -> None:
    reader = open_reader(provider, **{setting: 0.3})
    provider.answers[Stage.CURRENT] = f"kept by {setting}"
    await reader.read(_NAME)
    assert in_memory(f"kept by {setting}") > 0
    await asyncio.sleep(0.4)
    assert await forgotten(f"kept by {setting}")


async def test_nothing_stays_in_memory_unless_the_file_asks_for_it(
    provider: StandIn, reader: SecretReader
) -> None:
    provider.answers[Stage.CURRENT] = "kept by nobody"
    read = await reader.read(_NAME)
    assert in_memory("kept by nobody") > 0
    del read
    assert await forgotten("kept by nobody")


async def test_what_was_kept_serves_while_the_provider_does_not_answer(
    provider: StandIn, open_reader: OpenReader
) -> None:
    reader = open_reader(provider, stale_if_error=0.5)
    assert await told(reader) == ("1", "read")
    provider.answers[Stage.CURRENT] = _DOWN
    assert await told(reader) == ("1", "stale")
    await asyncio.sleep(0.6)
    with pytest.raises(ProviderUnavailable, match="down for now"):
        await reader.read(_NAME)


async def test_it_serves_too_when_the_provider_is_out_of_time(open_reader: OpenReader) -> None:
    provider = StandIn()
    reader = open_reader(provider, timeout=0.3, stale_if_error=60)
    assert await told(reader) == ("1", "read")
    provider.gate.clear()
    assert await told(reader) == ("1", "stale")


async def test_a_provider_that_answers_is_asked_first(
    provider: StandIn, open_reader: OpenReader
) -> None:
    reader = open_reader(provider, stale_if_error=60)
    assert [await told(reader) for _ in range(2)] == [("1", "read"), ("2", "read")]


async def test_a_provider_that_says_no_is_believed(
    provider: StandIn, open_reader: OpenReader
) -> None:
    """What it said before is no answer to a policy that has changed since."""
    reader = open_reader(provider, stale_if_error=60)
    assert await told(reader) == ("1", "read")
    provider.answers[Stage.CURRENT] = AccessDenied("no longer")
    with pytest.raises(AccessDenied):
        await reader.read(_NAME)


async def test_a_fresh_read_is_never_answered_with_what_was_kept(
    provider: StandIn, open_reader: OpenReader
) -> None:
    reader = open_reader(provider, cache_ttl=60, stale_if_error=60)
    assert await told(reader) == ("1", "read")
    provider.answers[Stage.CURRENT] = _DOWN
    with pytest.raises(ProviderUnavailable):
        await reader.read(_NAME, fresh=True)
    assert await told(reader) == ("1", "cached")


async def test_a_failed_read_is_not_kept(provider: StandIn, open_reader: OpenReader) -> None:
    reader = open_reader(provider, cache_ttl=60, stale_if_error=60)
    provider.answers[Stage.CURRENT] = _DOWN
    with pytest.raises(ProviderUnavailable):
        await reader.read(_NAME)
    provider.answers.clear()
    assert await told(reader) == ("2", "read")

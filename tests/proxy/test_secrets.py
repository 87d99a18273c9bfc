"""Secrets are read anew for every session, once for all who ask at the same time, and in time."""

import asyncio
import threading
import time
from collections.abc import Iterator, Mapping
from typing import ClassVar

import pytest

from providers.api import Secret, SecretVersion, Stage
from providers.errors import AccessDenied, ProviderError, ProviderUnavailable
from proxy.secrets import SecretReader
from tests.secrecy import CANARY

_NAME = ("gated", "app")


class Gated:
    """A provider whose reads end when the test lets them: one version after the other."""

    name: ClassVar[str] = "gated"
    settings: ClassVar[tuple[str, ...]] = ()
    stages: ClassVar[tuple[Stage, ...]] = ()
    leases: ClassVar[bool] = False

    def __init__(self, environ: Mapping[str, str]) -> None:
        self.reads = 0
        self.closed = False
        self.gate = threading.Event()
        self.fault: Exception | None = None

    @classmethod
    def split(cls, text: str) -> tuple[str, str | None]:
        return text, None

    def fetch(self, secret: str, timeout: float, stage: Stage = Stage.CURRENT) -> SecretVersion:
        self.reads += 1
        version = str(self.reads)
        self.gate.wait(10)
        if self.fault is not None:
            raise self.fault
        return SecretVersion({"key": Secret(CANARY + version)}, version=version)

    def close(self) -> None:
        self.closed = True


@pytest.fixture
def provider() -> Gated:
    return Gated({})


@pytest.fixture
def reader(provider: Gated) -> Iterator[SecretReader]:
    reader = SecretReader({"gated": provider}, timeout=1)
    yield reader
    provider.gate.set()
    reader.close()


async def _begun(provider: Gated, reads: int) -> None:
    async with asyncio.timeout(10):
        while provider.reads < reads:
            await asyncio.sleep(0.005)


async def test_every_session_reads_anew(provider: Gated, reader: SecretReader) -> None:
    provider.gate.set()
    first, second = await reader.read(_NAME), await reader.read(_NAME)
    assert (first.version.version, second.version.version) == ("1", "2")
    assert (first.shared, second.shared) == (False, False)
    assert first.seconds < 1


async def test_a_read_in_flight_is_shared(provider: Gated, reader: SecretReader) -> None:
    reads = [asyncio.create_task(reader.read(_NAME)) for _ in range(50)]
    await _begun(provider, 1)
    provider.gate.set()
    results = await asyncio.gather(*reads)
    assert {result.version.version for result in results} == {"1"}
    assert [result.shared for result in results] == [False] + [True] * 49


async def test_a_fresh_read_joins_none_that_began_before(
    provider: Gated, reader: SecretReader
) -> None:
    old = asyncio.create_task(reader.read(_NAME))
    await _begun(provider, 1)
    fresh = asyncio.create_task(reader.read(_NAME, fresh=True))
    await _begun(provider, 2)
    late = asyncio.create_task(reader.read(_NAME))
    await asyncio.sleep(0)
    provider.gate.set()
    versions = [(await task).version.version for task in (old, fresh, late)]
    assert versions == ["1", "2", "2"]


async def test_one_who_gives_up_leaves_the_answer_to_the_others(
    provider: Gated, reader: SecretReader
) -> None:
    first = asyncio.create_task(reader.read(_NAME))
    second = asyncio.create_task(reader.read(_NAME))
    await _begun(provider, 1)
    first.cancel()
    provider.gate.set()
    assert (await second).version.version == "1"


async def test_nobody_waits_longer_than_the_deadline(provider: Gated, reader: SecretReader) -> None:
    begun = time.monotonic()
    with pytest.raises(ProviderUnavailable, match="no answer within 1 s"):
        await reader.read(_NAME)
    assert 0.9 < time.monotonic() - begun < 3


async def test_a_slow_provider_holds_no_other_up(provider: Gated) -> None:
    fast = Gated({})
    fast.gate.set()
    reader = SecretReader({"gated": provider, "fast": fast}, timeout=5)
    slow = [asyncio.create_task(reader.read(("gated", str(n)))) for n in range(40)]
    await _begun(provider, 16)
    assert (await reader.read(("fast", "app"))).seconds < 1
    provider.gate.set()
    await asyncio.gather(*slow)
    reader.close()


async def test_a_providers_own_error_is_handed_on(provider: Gated, reader: SecretReader) -> None:
    provider.gate.set()
    provider.fault = AccessDenied("not you")
    with pytest.raises(AccessDenied, match="not you"):
        await reader.read(_NAME)


async def test_any_other_error_is_told_by_its_type_only(
    provider: Gated, reader: SecretReader
) -> None:
    provider.gate.set()
    provider.fault = ValueError(CANARY)
    with pytest.raises(ProviderError) as raised:
        await reader.read(_NAME)
    assert str(raised.value) == "the provider failed with ValueError"
    assert raised.value.__suppress_context__


async def test_closing_closes_the_providers(provider: Gated) -> None:
    SecretReader({"gated": provider}, timeout=1).close()
    assert provider.closed

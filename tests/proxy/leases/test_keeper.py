"""Leases are renewed while their session lives, and revoked: by us, or by who comes next."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from providers.errors import AccessDenied, ProviderUnavailable
from proxy.leases import Leases
from tests.proxy.conftest import OpenReader
from tests.proxy.leases.conftest import StartProcess
from tests.proxy.stand_in import Maker, StandIn
from tests.waiting import PATIENCE

_BRIEF = 2.0  # seconds of a lease, renewed after one
_DOWN = ProviderUnavailable("down for now")
OpenLeases = Callable[[StandIn], Leases]


@pytest.fixture
def maker() -> Maker:
    return Maker()


@pytest.fixture
def open_leases(folder: Path, open_reader: OpenReader) -> OpenLeases:
    """For what a test closes itself."""
    return lambda provider: Leases(open_reader(provider), folder)


@pytest.fixture
async def leases(maker: Maker, open_leases: OpenLeases) -> AsyncIterator[Leases]:
    leases = open_leases(maker)
    yield leases
    await leases.close()


async def _until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not condition():
            await asyncio.sleep(0.02)


async def test_a_lease_is_renewed_until_it_is_ended(maker: Maker, leases: Leases) -> None:
    maker.seconds = _BRIEF
    name = leases.adopt("standin", maker.lease("1"))
    await _until(lambda: maker.renewed == ["lease/1"] * 2)
    await leases.end([name])
    assert maker.revoked == ["lease/1"]
    await asyncio.sleep(1.2)
    assert len(maker.renewed) == 2


async def test_it_is_renewed_at_half_its_time(maker: Maker, leases: Leases) -> None:
    maker.seconds = 2 * _BRIEF
    leases.adopt("standin", maker.lease("1"))
    await asyncio.sleep(0.4 * maker.seconds)
    assert maker.renewed == []
    await asyncio.sleep(0.2 * maker.seconds)
    assert maker.renewed == ["lease/1"]


async def test_one_that_cannot_be_renewed_is_not(maker: Maker, leases: Leases) -> None:
    maker.seconds, maker.renewable = _BRIEF, False
    leases.adopt("standin", maker.lease("1"))
    await asyncio.sleep(1.2)
    assert maker.renewed == []


async def test_the_last_renewal_is_the_last(maker: Maker, leases: Leases) -> None:
    """The provider says with it that there is no other."""
    maker.seconds = _BRIEF
    lease = maker.lease("1")
    maker.renewable = False
    leases.adopt("standin", lease)
    await asyncio.sleep(2.3)
    assert maker.renewed == ["lease/1"]


async def test_a_renewal_that_failed_is_tried_again(
    maker: Maker, leases: Leases, caplog: pytest.LogCaptureFixture
) -> None:
    maker.seconds, maker.fault = _BRIEF, _DOWN
    leases.adopt("standin", maker.lease("1"))
    await _until(lambda: len(maker.renewed) == 2)
    assert "lease lease/1 of standin was not renewed: down for now" in caplog.messages
    maker.fault = None


async def test_one_that_may_not_be_renewed_is_tried_once(maker: Maker, leases: Leases) -> None:
    maker.seconds, maker.fault = _BRIEF, AccessDenied("let our policy renew")
    leases.adopt("standin", maker.lease("1"))
    await asyncio.sleep(2.3)
    assert maker.renewed == ["lease/1"]
    maker.fault = None


async def test_all_that_is_live_ends_with_the_process(
    maker: Maker, open_leases: OpenLeases, folder: Path
) -> None:
    leases = open_leases(maker)
    names = [leases.adopt("standin", maker.lease(str(n))) for n in range(3)]
    await leases.end(names[:1])
    assert maker.revoked == ["lease/0"]
    await leases.close()
    assert sorted(maker.revoked) == ["lease/0", "lease/1", "lease/2"]
    assert list(folder.iterdir()) == []


async def test_no_folder_is_made_for_nothing(leases: Leases, folder: Path) -> None:
    await leases.recover()
    await leases.close()
    assert not folder.exists()


async def test_one_that_could_not_be_ended_is_the_next_processes(
    maker: Maker, open_leases: OpenLeases, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    leases = open_leases(maker)
    names = [leases.adopt("standin", maker.lease(str(n))) for n in range(2)]
    maker.fault = _DOWN
    await leases.end(names[:1])
    assert "lease lease/0 of standin could not be ended: down for now" in caplog.messages
    maker.fault = None
    await leases.end(names[1:])
    maker.fault = _DOWN
    await leases.close()
    assert maker.revoked == ["lease/1"]
    maker.fault = None
    await open_leases(maker).recover()
    assert maker.revoked == ["lease/1", "lease/0"]
    assert list(folder.iterdir()) == []


async def test_what_a_killed_process_left_is_ended_and_a_live_ones_is_not(
    maker: Maker, leases: Leases, folder: Path, start_process: StartProcess
) -> None:
    living, dead = start_process("living"), start_process("one", "two")
    await leases.recover()
    assert maker.revoked == []
    dead.kill()
    dead.wait()
    await leases.recover()
    assert sorted(maker.revoked) == ["one", "two"]
    (journal,) = folder.iterdir()
    assert journal.name.startswith(f"{living.pid}-")


async def test_what_cannot_be_ended_in_its_place_is_kept(
    maker: Maker, leases: Leases, folder: Path, start_process: StartProcess
) -> None:
    dead = start_process("one")
    dead.kill()
    dead.wait()
    maker.fault = _DOWN
    await leases.recover()
    assert len(list(folder.iterdir())) == 1
    maker.fault = None
    await leases.recover()
    assert maker.revoked == ["one"]
    assert list(folder.iterdir()) == []


async def test_a_lease_of_a_provider_that_is_used_no_more_is_kept_and_told_of(
    folder: Path,
    open_reader: OpenReader,
    start_process: StartProcess,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The file that a successor is started with may be another one."""
    dead = start_process("one")
    dead.kill()
    dead.wait()
    with caplog.at_level(logging.WARNING, "keyless.leases"):
        await Leases(open_reader(), folder).recover()
    (message,) = caplog.messages
    assert message.startswith("lease one of standin could not be ended")
    assert len(list(folder.iterdir())) == 1

"""Logins of secrets that are made for one session: as many as are tried, and all ended with it."""

import asyncio
import time

import pytest

from protocols.errors import Refusal
from providers.api import Stage
from providers.errors import AccessDenied
from tests.proxy.conftest import BeginLogins
from tests.proxy.stand_in import Maker, StandIn


async def test_another_login_is_made_once_and_none_is_waited_for(begin: BeginLogins) -> None:
    maker = Maker()
    session = begin(maker, rotation_wait=30)
    begun = time.monotonic()
    assert await session.all() == ["1", "2"]
    assert time.monotonic() - begun < 5


async def test_all_that_was_made_ends_with_the_session(begin: BeginLogins) -> None:
    maker = Maker()
    session = begin(maker)
    await session.all()
    await session.logins.settle()
    assert maker.revoked == []
    await session.logins.close()
    assert sorted(maker.revoked) == ["lease/1", "lease/2"]


async def test_what_is_made_while_another_secret_fails_is_ended_too(begin: BeginLogins) -> None:
    maker, broken = Maker(), StandIn()
    broken.answers[Stage.CURRENT] = AccessDenied("no")
    session = begin(maker, broken)
    maker.gate.clear()
    first = asyncio.create_task(session.first())
    await maker.until_asked(1)
    asyncio.get_running_loop().call_later(0.1, maker.gate.set)
    with pytest.raises(Refusal):
        await first
    await session.logins.close()
    assert maker.revoked == ["lease/1"]


async def test_what_cannot_be_noted_is_ended_at_once(begin: BeginLogins) -> None:
    """It could outlive us, and nobody would know of it."""
    maker = Maker()
    session = begin(maker)
    session.journals.write_text("not a folder")
    with pytest.raises(Refusal) as raised:
        await session.first()
    assert "make the folder `leases` of [secrets] writable" in raised.value.detail
    assert maker.revoked == ["lease/1"]

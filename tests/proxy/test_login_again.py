"""A refused login is followed by others: which ones, in which order, how many, and for how long."""

import asyncio
import gc
import time

import pytest

from protocols.errors import LoginRejected, Reason, Refusal
from protocols.postgres.login import PostgresLogin
from providers.api import Stage
from providers.errors import AccessDenied, ProviderUnavailable, SecretNotFound
from proxy.audit.events import LoginRetry
from tests.proxy.conftest import BeginLogins
from tests.proxy.login_session import REJECTED
from tests.proxy.stand_in import Keeper, StandIn, forgotten, in_memory

_DOWN = ProviderUnavailable("down for now")
_A_WHILE = 0.6


def _keeper(**versions: str | Exception) -> Keeper:
    keeper = Keeper()
    keeper.answers = {Stage(stage): answer for stage, answer in versions.items()}
    return keeper


async def test_an_unchanged_secret_is_tried_once(begin: BeginLogins) -> None:
    provider = StandIn()
    provider.answers[Stage.CURRENT] = "same"
    session = begin(provider)
    assert await session.all() == ["same"]
    assert len(provider.asked) > 2  # it was looked for a newer one
    assert session.retries == []


async def test_the_provider_is_asked_anew_then_for_what_it_keeps_in_its_order(
    begin: BeginLogins,
) -> None:
    keeper = _keeper(current="1", previous="0", pending="2")
    session = begin(keeper, rotation_wait=0)
    assert await session.all() == ["1", "0", "2"]
    assert keeper.asked == [Stage.CURRENT, Stage.CURRENT, Stage.PREVIOUS, Stage.PENDING]
    assert [read.stage for read in session.reads] == ["current", "current", "previous", "pending"]
    assert [read.version for read in session.reads] == ["1", "1", "0", "2"]


async def test_a_newer_current_version_is_tried_first(begin: BeginLogins) -> None:
    keeper = _keeper(current="1", previous="1", pending="1")
    session = begin(keeper)
    assert await session.first() == "1"
    keeper.answers[Stage.CURRENT] = "2"
    assert await session.after_refusal() == "2"
    assert Stage.PREVIOUS not in keeper.asked


async def test_a_version_known_by_two_names_is_tried_once(begin: BeginLogins) -> None:
    session = begin(_keeper(current="1", previous="1", pending="1"), rotation_wait=0)
    assert await session.all() == ["1"]


async def test_one_is_tried_again_after_another_for_upstream_may_have_moved_on(
    begin: BeginLogins,
) -> None:
    """And then no more, however long the provider says the same."""
    session = begin(_keeper(current="1", previous="0", pending=SecretNotFound("none")))
    assert await session.all() == ["1", "0", "1"]


async def test_the_provider_is_polled_for_a_newer_one(begin: BeginLogins) -> None:
    provider = StandIn()
    provider.answers[Stage.CURRENT] = "1"
    session = begin(provider, rotation_wait=10)
    await session.first()
    retry = asyncio.create_task(session.after_refusal())
    await provider.until_asked(5)
    begun = time.monotonic()
    provider.answers[Stage.CURRENT] = "2"
    assert await retry == "2"
    assert time.monotonic() - begun < 2


@pytest.mark.parametrize("rotation_wait", [0, _A_WHILE])
async def test_it_is_polled_as_long_as_the_file_says(
    begin: BeginLogins, rotation_wait: float
) -> None:
    provider = StandIn()
    provider.answers[Stage.CURRENT] = "1"
    session = begin(provider, rotation_wait=rotation_wait)
    begun = time.monotonic()
    assert await session.all() == ["1"]
    assert rotation_wait <= time.monotonic() - begun < rotation_wait + 1


async def test_five_attempts_are_all_and_then_nobody_waits(begin: BeginLogins) -> None:
    """A provider that has something new at each question."""
    session = begin(StandIn(), rotation_wait=30)
    begun = time.monotonic()
    assert await session.all() == ["1", "2", "3", "4", "5"]
    assert time.monotonic() - begun < 5


async def test_each_attempt_after_the_first_is_told_and_counted(begin: BeginLogins) -> None:
    session = begin(_keeper(current="1", previous="0", pending="2"), rotation_wait=0)
    await session.all()
    assert session.retries == [LoginRetry(2, "28P01", ("0",)), LoginRetry(3, "28P01", ("2",))]
    counted = session.metrics.registry.get_sample_value(
        "keyless_login_retries_total", {"role": "app"}
    )
    assert counted == 2


@pytest.mark.parametrize(
    "fault", [AccessDenied("not that one"), SecretNotFound("no such"), _DOWN, ValueError("broken")]
)
async def test_a_version_that_cannot_be_had_is_passed_over(
    begin: BeginLogins, fault: Exception
) -> None:
    session = begin(_keeper(current="1", previous=fault, pending="2"), rotation_wait=0)
    assert await session.all() == ["1", "2"]
    assert [bool(read.error) for read in session.reads] == [False, False, True, False]


async def test_a_provider_that_fails_meanwhile_leaves_the_refusal_as_it_was(
    begin: BeginLogins,
) -> None:
    """The client is told of its login, and not of what we tried afterwards."""
    provider = StandIn()
    session = begin(provider)
    await session.first()
    provider.answers[Stage.CURRENT] = _DOWN
    with pytest.raises(LoginRejected) as raised:
        await session.after_refusal()
    assert raised.value is REJECTED


async def test_one_that_recovers_in_time_is_as_good_as_ever(begin: BeginLogins) -> None:
    provider = StandIn()
    session = begin(provider, rotation_wait=10)
    await session.first()
    provider.answers[Stage.CURRENT] = _DOWN
    retry = asyncio.create_task(session.after_refusal())
    await provider.until_asked(4)
    provider.answers[Stage.CURRENT] = "back"
    assert await retry == "back"


async def test_at_first_a_provider_that_fails_is_the_refusal(begin: BeginLogins) -> None:
    provider = StandIn()
    provider.answers[Stage.CURRENT] = _DOWN
    with pytest.raises(Refusal) as raised:
        await begin(provider).first()
    assert raised.value.reason is Reason.SECRET_UNAVAILABLE
    assert raised.value.detail == "_standin0:app: down for now"


async def test_a_secret_without_versions_goes_with_the_others_versions(begin: BeginLogins) -> None:
    keeper, plain = _keeper(current="1", previous="0", pending=SecretNotFound("none")), StandIn()
    plain.answers[Stage.CURRENT] = "user"
    session = begin(keeper, plain, rotation_wait=0)
    assert await session.all() == ["1", "0"]
    assert set(plain.asked) == {Stage.CURRENT}
    assert session.retries == [LoginRetry(2, "28P01", ("0", "user"))]


async def test_credentials_are_forgotten_once_the_session_is_settled(begin: BeginLogins) -> None:
    """Settled in the middle of trying, as when the first retry was taken."""
    session = begin(_keeper(current="forget 1", previous="forget 0"))
    await session.first()
    await session.after_refusal()
    assert _known_logins("forget") == 2
    assert in_memory("forget 0") > 0
    await session.logins.settle()
    assert _known_logins("forget") == 0
    assert await forgotten("forget 1")
    assert await forgotten("forget 0")
    assert session.logins.versions == ("forget 0",)  # the audit's


def _known_logins(mark: str) -> int:
    gc.collect()
    logins = [thing for thing in gc.get_objects() if isinstance(thing, PostgresLogin)]
    return sum(mark in login.password for login in logins)

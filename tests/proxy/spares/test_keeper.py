"""Who gets a spare, and when others are made. Upstream is a listener of the test's own, which the
login is done with once it has said a byte.
"""

import asyncio
import gc
from collections.abc import AsyncIterator, Generator
from dataclasses import dataclass, replace
from typing import Any

import pytest

from protocols.api import (
    Command,
    Connect,
    Emit,
    Event,
    Login,
    Receive,
    Side,
    TakeSpare,
    TcpEndpoint,
    TlsMode,
    TlsPolicy,
)
from protocols.errors import LoginRejected, Reason, Refusal
from proxy.audit.events import SpareEnd, SpareLogin
from proxy.config.schema import Timeouts
from proxy.memory import Memory
from proxy.metrics import Metrics
from proxy.readiness import readiness
from proxy.spares import Request, Spares
from tests.secrecy import CANARY, canary

_LOOK_AGAIN = 0.01


class _Upstream:
    """Lets in whoever comes while `open` is set, by one byte. Logins come to `fault`, if to one."""

    def __init__(self) -> None:
        self.open = asyncio.Event()
        self.open.set()
        self.fault: Refusal | None = None
        self.logins = 0
        self.at_once = 0
        self.most_at_once = 0
        self._servers: list[asyncio.Server] = []

    async def start(self) -> None:
        self._servers.append(await asyncio.start_server(self._serve, "127.0.0.1", 0))

    @property
    def port(self) -> int:
        port: int = self._servers[0].sockets[0].getsockname()[1]
        return port

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.logins += 1
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        await self.open.wait()
        self.at_once -= 1
        writer.write(b"R")
        await reader.read()
        writer.close()

    def log_in(self) -> Generator[Command, Any, str]:
        endpoint = TcpEndpoint("127.0.0.1", self.port)
        yield Connect(Login(role="app", endpoint=endpoint, tls=TlsPolicy(TlsMode.DISABLE)))
        yield Receive(Side.UPSTREAM)
        if self.fault is not None:
            raise self.fault
        return "greetings"

    def close(self) -> None:
        for server in self._servers:
            server.close()


@dataclass
class _Bench:
    spares: Spares
    upstream: _Upstream
    events: list[Event]
    metrics: Metrics

    def wanted(self, **other: Any) -> TakeSpare:
        usual = TakeSpare("app", "there", CANARY, b"psql", self.upstream.log_in, b"X", 6, 60)
        return replace(usual, **other)

    def begin(self, versions: tuple[str, ...] = ("1",), **other: Any) -> Request:
        """A session that wants one, and has not looked yet."""
        return self.spares.request(self.wanted(**other), versions, self.events.append)

    def session(self, versions: tuple[str, ...] = ("1",), **other: Any) -> str | None:
        """A session that comes in. The spare that it got."""
        request = self.begin(versions, **other)
        if (taken := request.take()) is not None:
            taken.connection.close()
        request.served()
        return request.facts.get("spare")

    async def settle(self) -> None:
        """Until nothing is made any more."""
        async with asyncio.timeout(5):
            while self.spares._tasks:
                await asyncio.sleep(_LOOK_AGAIN)

    async def fill(self, **other: Any) -> None:
        for _ in range(7):
            self.session(**other)
        await self.settle()

    @property
    def ends(self) -> list[str]:
        return [event.reason for event in self.events if isinstance(event, SpareEnd)]

    @property
    def logins(self) -> list[SpareLogin]:
        return [event for event in self.events if isinstance(event, SpareLogin)]


@pytest.fixture
async def bench() -> AsyncIterator[_Bench]:
    upstream, metrics, watched = _Upstream(), Metrics(), readiness()
    await upstream.start()
    made = _Bench(Spares(Timeouts(upstream=2), Memory(), watched, metrics), upstream, [], metrics)
    yield made
    upstream.open.set()
    await made.spares.close()
    upstream.close()


async def test_they_are_made_for_the_second_session_on(bench: _Bench) -> None:
    assert bench.session() is None
    await bench.settle()
    assert bench.upstream.logins == 0
    assert bench.session() is None
    await bench.settle()
    assert bench.upstream.logins == 1
    assert bench.session() == bench.logins[0].spare


async def test_few_are_made_at_once_and_no_more_than_there_may_be(bench: _Bench) -> None:
    bench.upstream.open.clear()
    for _ in range(20):
        bench.session()
    async with asyncio.timeout(5):
        while bench.upstream.at_once < 4:
            await asyncio.sleep(_LOOK_AGAIN)
    bench.upstream.open.set()
    await bench.settle()
    assert (bench.upstream.most_at_once, bench.upstream.logins) == (4, 6)


async def test_nobody_gets_what_another_one_has(bench: _Bench) -> None:
    await bench.fill()
    got = [bench.session() for _ in range(20)]
    assert len(set(got) - {None}) == len([spare for spare in got if spare]) == 6


async def test_a_session_that_is_never_in_has_none_made(bench: _Bench) -> None:
    for _ in range(5):
        assert bench.begin().take() is None
    await bench.settle()
    assert bench.upstream.logins == 0


@pytest.mark.parametrize(
    ("versions", "other"),
    [
        (("2",), {}),
        (("1",), {"secret": canary("-2")}),
        (("1",), {"target": "elsewhere"}),
    ],
)
async def test_what_is_read_differently_ends_all(
    bench: _Bench, versions: tuple[str, ...], other: dict[str, Any]
) -> None:
    await bench.fill()
    await bench.fill(startup=b"another")
    assert bench.begin(versions, **other).take() is None
    assert set(bench.ends) <= {"rotation", "room"}
    assert bench.ends.count("rotation") == 6
    assert bench.session() is None  # nor does anybody get them who has read the old one


async def test_one_that_is_made_meanwhile_is_of_no_use(bench: _Bench) -> None:
    bench.upstream.open.clear()
    bench.session()
    bench.session()
    bench.begin(("2",))
    bench.upstream.open.set()
    await bench.settle()
    assert bench.ends == ["rotation"]


async def test_another_startup_message_and_another_role_get_none(bench: _Bench) -> None:
    await bench.fill()
    assert bench.begin(startup=b"another").take() is None
    assert bench.begin(role="other").take() is None
    assert bench.session() is not None


async def test_a_refused_login_ends_all_until_a_session_has_logged_in_itself(
    bench: _Bench,
) -> None:
    await bench.fill()
    bench.upstream.fault = LoginRejected("refused", code="28P01")
    assert bench.session() is not None
    await bench.settle()
    logins = bench.upstream.logins
    assert bench.ends == ["rejected"] * 5
    assert (bench.logins[-1].spare, bench.logins[-1].error) == ("", "refused")
    bench.upstream.fault = None
    assert bench.begin().take() is None
    await bench.settle()
    assert bench.upstream.logins == logins
    await bench.fill()
    assert bench.upstream.logins > logins


async def test_an_upstream_that_fails_is_left_alone_for_a_while(bench: _Bench) -> None:
    bench.upstream.fault = Refusal(Reason.UPSTREAM_STARTING, "is starting up")
    await bench.fill()
    assert 1 <= bench.upstream.logins <= 4
    logins = bench.upstream.logins
    bench.upstream.fault = None
    await bench.fill()
    assert bench.upstream.logins == logins


async def test_the_audit_must_be_told(bench: _Bench) -> None:
    def broken(_: Event) -> None:
        raise Refusal(Reason.AUDIT_UNWRITABLE, "no")

    emit: Emit = broken
    for _ in range(3):
        request = bench.spares.request(bench.wanted(), ("1",), emit)
        assert request.take() is None
        request.served()
    await bench.settle()
    assert 1 <= bench.upstream.logins <= 2
    assert bench.begin().take() is None


async def test_all_end_with_the_proxy(bench: _Bench) -> None:
    await bench.fill()
    bench.upstream.open.clear()
    bench.session()
    await asyncio.sleep(0.1)
    await bench.spares.close()
    assert bench.ends == ["shutdown"] * 5
    assert len(bench.logins) == 6


async def test_what_waits_knows_no_secret(bench: _Bench) -> None:
    """The wish of a session knows it, and is forgotten once what it asks for is made."""
    await bench.fill()
    gc.collect()
    known = [thing for thing in gc.get_objects() if isinstance(thing, TakeSpare)]
    assert bench.wanted() not in [replace(thing, log_in=bench.upstream.log_in) for thing in known]


async def test_they_are_counted(bench: _Bench) -> None:
    await bench.fill()
    bench.session()
    await bench.settle()
    await bench.spares.close()
    counted = {
        outcome: bench.metrics.registry.get_sample_value(
            "keyless_spares_total", {"role": "app", "outcome": outcome}
        )
        for outcome in ("made", "used", "dropped", "failed")
    }
    assert counted == {"made": 7, "used": 1, "dropped": 6, "failed": None}

"""The driver carries out a protocol's commands; what goes wrong is thrown into the protocol."""

import asyncio
import socket
import threading
import time
from collections.abc import Generator
from typing import Any

import pytest

from protocols.api import (
    Command,
    Compute,
    Connect,
    Disconnected,
    Login,
    NeedLogin,
    Note,
    Recall,
    Receive,
    Remember,
    Send,
    Side,
    TakeSpare,
    TcpEndpoint,
    TlsMode,
    TlsPolicy,
    Wish,
)
from protocols.errors import ClientProtocolError, Reason, Refusal
from protocols.postgres import POSTGRES
from proxy.config.schema import Timeouts
from proxy.connection import Connection
from proxy.dial import Address, Route
from proxy.driver import Driver, LoggedIn
from proxy.memory import Memory
from tests.proxy.conftest import SocketPair
from tests.secrecy import CANARY
from tests.wire import startup

Steps = Generator[Command, Any, Any]
_WANTED = TakeSpare("app", "there", CANARY, b"", lambda: _one(Receive(Side.UPSTREAM)), b"X", 1, 60)


def _login(port: int) -> Login:
    return Login(
        role="app",
        endpoint=TcpEndpoint("127.0.0.1", port),
        tls=TlsPolicy(TlsMode.DISABLE),
    )


def _one(command: Command) -> Steps:
    return (yield command)


async def test_a_clients_bytes_come_and_go(timeouts: Timeouts, pair: SocketPair) -> None:
    def steps() -> Steps:
        heard = yield Receive(Side.CLIENT)
        yield Send(Side.CLIENT, heard.upper())
        return heard

    pair[0].send(b"hello")
    driver = Driver(timeouts, client=Connection(pair[1]))
    assert await driver.run(steps()) == b"hello"
    assert await asyncio.get_running_loop().sock_recv(pair[0], 100) == b"HELLO"


async def test_work_is_done_in_another_thread(timeouts: Timeouts) -> None:
    thread = await Driver(timeouts).run(_one(Compute(threading.get_ident)))
    assert thread != threading.get_ident()


async def test_logins_are_asked_for_with_the_wish(timeouts: Timeouts) -> None:
    async def logins(need: NeedLogin) -> Login:
        assert need.wish.user == "me"
        return _login(1)

    driver = Driver(timeouts, logins=logins)
    assert await driver.run(_one(NeedLogin(Wish("me")))) == _login(1)
    assert driver.wish == Wish("me")


async def test_a_wish_may_be_said_later(timeouts: Timeouts) -> None:
    driver = Driver(timeouts)
    assert driver.wish == Wish()
    await driver.run(_one(Note(Wish("me", "app"))))
    assert driver.wish == Wish("me", "app")


async def test_a_side_that_is_gone(timeouts: Timeouts, pair: SocketPair) -> None:
    pair[0].close()
    with pytest.raises(Disconnected) as raised:
        await Driver(timeouts, client=Connection(pair[1])).run(_one(Receive(Side.CLIENT)))
    assert raised.value.side is Side.CLIENT


async def test_a_client_that_says_nothing(pair: SocketPair) -> None:
    driver = Driver(Timeouts(client=0.2), client=Connection(pair[1]))
    with pytest.raises(ClientProtocolError, match=r"did not finish its startup within 0\.2 s"):
        await driver.run(_one(Receive(Side.CLIENT)))


async def test_a_client_has_one_deadline_for_all_that_it_says(pair: SocketPair) -> None:
    def steps() -> Steps:
        while True:
            yield Receive(Side.CLIENT)

    async def drip() -> None:
        while True:
            await asyncio.get_running_loop().sock_sendall(pair[0], b".")
            await asyncio.sleep(0.05)

    dripping = asyncio.create_task(drip())
    async with asyncio.timeout(5):
        with pytest.raises(ClientProtocolError, match="did not finish"):
            await Driver(Timeouts(client=0.3), client=Connection(pair[1])).run(steps())
    dripping.cancel()


async def test_a_clients_time_stands_still_while_it_waits_for_others(pair: SocketPair) -> None:
    def steps() -> Steps:
        yield Receive(Side.CLIENT)
        yield NeedLogin(Wish())
        yield Compute(lambda: time.sleep(0.3))
        yield Send(Side.CLIENT, b"you are in")

    async def logins(_: NeedLogin) -> Login:
        await asyncio.sleep(0.3)
        return _login(1)

    pair[0].send(b"hello")
    driver = Driver(Timeouts(client=0.4), client=Connection(pair[1]), logins=logins)
    await driver.run(steps())
    assert pair[0].recv(100) == b"you are in"


async def test_upstreams_time_stands_still_while_the_client_takes_its_own(
    pair: SocketPair,
) -> None:
    """Where upstream greets first, it waits for the client."""

    def steps() -> Steps:
        with socket.create_server(("127.0.0.1", 0)) as upstream:
            yield Connect(_login(upstream.getsockname()[1]))
            yield Receive(Side.CLIENT)
            yield Send(Side.UPSTREAM, b"hello")

    async def speak_late() -> None:
        await asyncio.sleep(0.4)
        pair[0].send(b"here I am")

    speaking = asyncio.create_task(speak_late())
    driver = Driver(Timeouts(client=1, upstream=0.2), client=Connection(pair[1]))
    await driver.run(steps())
    driver.close()
    await speaking


async def test_what_is_remembered_is_recalled_by_another_driver(timeouts: Timeouts) -> None:
    memory = Memory()
    remember = Remember(("a", "name"), CANARY, "a value")
    recall = Recall(("a", "name"), CANARY)
    await Driver(timeouts, memory=memory).run(_one(remember))
    assert await Driver(timeouts, memory=memory).run(_one(recall)) == "a value"
    assert await Driver(timeouts).run(_one(recall)) is None


async def test_a_bug_is_told_to_the_protocol_and_to_the_log(
    timeouts: Timeouts, pair: SocketPair, caplog: pytest.LogCaptureFixture
) -> None:
    def steps() -> Steps:
        try:
            yield Compute(lambda: 1 // 0)
        except Refusal as refusal:
            yield Send(Side.CLIENT, str(refusal).encode())
            raise

    with pytest.raises(Refusal) as raised:
        await Driver(timeouts, client=Connection(pair[1])).run(steps())
    assert raised.value.reason is Reason.INTERNAL
    assert pair[0].recv(100) == b"the proxy failed; tell its operator"
    assert [record.message for record in caplog.records] == ["this is a bug in Keyless"]
    assert "ZeroDivisionError" in caplog.text


async def test_a_bug_is_told_to_the_client_by_its_code(
    timeouts: Timeouts, pair: SocketPair, caplog: pytest.LogCaptureFixture
) -> None:
    async def logins(_: NeedLogin) -> Login:
        raise RuntimeError("the text of a bug")

    pair[0].send(startup(user="app"))
    driver = Driver(timeouts, client=Connection(pair[1]), logins=logins)
    with pytest.raises(Refusal, match="the proxy failed"):
        await driver.run(POSTGRES.handshake(lambda: bytes(18)))
    told = pair[0].recv(1000)
    assert b"CXX000\0Mthe proxy failed; tell its operator\0" in told
    assert b"the text of a bug" not in told
    assert "RuntimeError: the text of a bug" in caplog.text


async def test_a_spare_takes_the_place_of_a_connection_of_ones_own(
    timeouts: Timeouts, pair: SocketPair
) -> None:
    def steps() -> Steps:
        result = yield _WANTED
        yield Send(Side.UPSTREAM, b"hello")
        return result

    login, route = _login(1), Route(Address(socket.AF_INET, ("127.0.0.1", 1)))
    driver = Driver(timeouts)
    driver.spares = lambda _: LoggedIn(Connection(pair[1]), route, login, "greetings")
    assert await driver.run(steps()) == "greetings"
    assert (driver.login, driver.route) == (login, route)
    assert await asyncio.get_running_loop().sock_recv(pair[0], 100) == b"hello"
    driver.close()
    assert await asyncio.get_running_loop().sock_recv(pair[0], 100) == b""


async def test_there_may_be_no_spare(timeouts: Timeouts) -> None:
    driver = Driver(timeouts)
    assert await driver.run(_one(_WANTED)) is None
    driver.spares = lambda _: None
    assert await driver.run(_one(_WANTED)) is None
    assert driver.upstream is None

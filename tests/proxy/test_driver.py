"""The driver carries out a protocol's commands; what goes wrong is thrown into the protocol."""

import asyncio
import socket
import threading
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
    Receive,
    Send,
    Side,
    StartTls,
    TcpEndpoint,
    TlsMode,
    TlsPolicy,
    UnixEndpoint,
    Wish,
)
from protocols.errors import ClientProtocolError, Reason, Refusal
from protocols.postgres import POSTGRES
from proxy.config.schema import Timeouts
from proxy.connection import Connection
from proxy.dial import Address
from proxy.driver import Driver
from tests.proxy.conftest import SocketPair
from tests.servers.misbehaving import refusing_address, silent_listener
from tests.wire import startup

Steps = Generator[Command, Any, Any]


def _login(port: int, mode: TlsMode = TlsMode.DISABLE) -> Login:
    return Login(role="app", endpoint=TcpEndpoint("127.0.0.1", port), tls=TlsPolicy(mode))


def _port(place: str) -> int:
    return int(place.rpartition(":")[2])


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


async def test_what_goes_wrong_can_be_handled_by_the_protocol(timeouts: Timeouts) -> None:
    def steps() -> Steps:
        with refusing_address() as place:
            try:
                yield Connect(_login(_port(place)))
            except Refusal as refusal:
                return refusal

    refusal = await Driver(timeouts).run(steps())
    assert refusal.reason is Reason.UPSTREAM_UNREACHABLE
    assert str(refusal) == 'upstream of role "app" cannot be reached'
    assert refusal.detail.endswith(": Connection refused")


@pytest.mark.parametrize(
    ("endpoint", "why"),
    [
        (UnixEndpoint("/nowhere/.s.PGSQL.5432"), "No such file or directory"),
        (TcpEndpoint("no-such-host.invalid", 1), ""),
    ],
)
async def test_an_address_that_is_none(
    timeouts: Timeouts, endpoint: TcpEndpoint | UnixEndpoint, why: str
) -> None:
    login = Login(role="app", endpoint=endpoint, tls=TlsPolicy(TlsMode.DISABLE))
    with pytest.raises(Refusal, match='upstream of role "app" cannot be reached') as raised:
        await Driver(timeouts).run(_one(Connect(login)))
    assert raised.value.detail.startswith(f"{endpoint}: ")
    assert why in raised.value.detail


async def test_every_address_of_a_name_is_tried(timeouts: Timeouts) -> None:
    """Where localhost is ::1 as well, nobody listens there."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        endpoint = TcpEndpoint("localhost", listener.getsockname()[1])
        login = Login(role="app", endpoint=endpoint, tls=TlsPolicy(TlsMode.DISABLE))
        driver = Driver(timeouts)
        await driver.run(_one(Connect(login)))
        assert driver.address is not None
        assert driver.address.sockaddr == listener.getsockname()
        assert driver.upstream is not None
        driver.upstream.close()


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


async def test_upstream_that_says_nothing() -> None:
    def steps(login: Login) -> Steps:
        yield Connect(login)
        yield Receive(Side.UPSTREAM)

    with silent_listener() as place:
        driver = Driver(Timeouts(upstream=0.2))
        with pytest.raises(Refusal, match=r"did not answer within 0\.2 s") as raised:
            await driver.run(steps(_login(_port(place))))
        assert raised.value.reason is Reason.UPSTREAM_UNREACHABLE
        assert driver.upstream is not None
        driver.upstream.close()


async def test_a_second_login_is_a_new_connection(timeouts: Timeouts) -> None:
    def steps(login: Login) -> Steps:
        yield Connect(login)
        first = driver.upstream
        yield Connect(login)
        return first

    with silent_listener() as place:
        driver = Driver(timeouts)
        first = await driver.run(steps(_login(_port(place))))
        assert first.socket.fileno() == -1
        assert driver.upstream is not None
        assert driver.upstream is not first
        driver.upstream.close()


async def test_a_second_login_goes_where_it_says_itself(timeouts: Timeouts) -> None:
    def steps(first: Login, second: Login) -> Steps:
        yield Connect(first)
        yield Connect(second)

    with silent_listener() as before, silent_listener() as now:
        driver = Driver(timeouts)
        await driver.run(steps(_login(_port(before)), _login(_port(now))))
        assert driver.upstream is not None
        assert driver.upstream.socket.getpeername() == ("127.0.0.1", _port(now))
        assert driver.address == Address(socket.AF_INET, ("127.0.0.1", _port(now)))
        driver.upstream.close()


async def test_a_pinned_address_stays_whatever_a_login_says(timeouts: Timeouts) -> None:
    with silent_listener() as place, silent_listener() as elsewhere:
        pinned = Address(socket.AF_INET, ("127.0.0.1", _port(place)))
        driver = Driver(timeouts, address=pinned)
        await driver.run(_one(Connect(_login(_port(elsewhere)))))
        assert driver.upstream is not None
        assert driver.upstream.socket.getpeername() == pinned.sockaddr
        driver.upstream.close()


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


async def test_what_cannot_be_trusted_is_not_connected(timeouts: Timeouts) -> None:
    def steps(login: Login) -> Steps:
        yield Connect(login)
        yield StartTls(Side.UPSTREAM)

    policy = TlsPolicy(TlsMode.VERIFY_FULL, "/none")
    with silent_listener() as place:
        endpoint = TcpEndpoint("127.0.0.1", _port(place))
        driver = Driver(timeouts)
        with pytest.raises(Refusal, match="TLS could not be established") as raised:
            await driver.run(steps(Login(role="app", endpoint=endpoint, tls=policy)))
        assert raised.value.reason is Reason.UPSTREAM_INSECURE
        assert raised.value.detail.startswith("SSLROOTCERT is neither a certificate nor the path")
        assert driver.upstream is not None
        driver.upstream.close()

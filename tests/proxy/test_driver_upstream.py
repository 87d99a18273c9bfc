"""How the driver gets to upstream: where a login says, or where it is told to go."""

import socket
from collections.abc import Generator
from dataclasses import replace
from typing import Any

import pytest

from protocols.api import (
    Command,
    Connect,
    Login,
    Receive,
    Side,
    StartTls,
    TcpEndpoint,
    TlsMode,
    TlsPolicy,
    UnixEndpoint,
)
from protocols.errors import Reason, Refusal
from protocols.postgres.login import PostgresLogin
from proxy.config.schema import Timeouts
from proxy.dial import Address, Route
from proxy.driver import Driver
from tests.secrecy import CANARY
from tests.servers.misbehaving import refusing_address, silent_listener

Steps = Generator[Command, Any, Any]


def _login(port: int, mode: TlsMode = TlsMode.DISABLE) -> Login:
    return Login(role="app", endpoint=TcpEndpoint("127.0.0.1", port), tls=TlsPolicy(mode))


def _port(place: str) -> int:
    return int(place.rpartition(":")[2])


def _one(command: Command) -> Steps:
    return (yield command)


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
        assert driver.route is not None
        assert driver.route.address.sockaddr == listener.getsockname()
        assert driver.upstream is not None
        driver.upstream.close()


async def test_the_login_is_known_without_its_credential(timeouts: Timeouts) -> None:
    login = PostgresLogin(
        role="app",
        endpoint=UnixEndpoint("/nowhere"),
        tls=TlsPolicy(TlsMode.DISABLE),
        user="app",
        password=CANARY,
    )

    def steps(*endpoints: TcpEndpoint) -> Steps:
        for endpoint in endpoints:
            yield Connect(replace(login, endpoint=endpoint))

    with silent_listener() as first, silent_listener() as second:
        driver = Driver(timeouts)
        assert driver.login is None
        places = [TcpEndpoint("127.0.0.1", _port(place)) for place in (first, second)]
        await driver.run(steps(*places))
        assert driver.login == replace(login, endpoint=places[1]).without_credentials()
        driver.close()


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
        assert driver.route == Route(Address(socket.AF_INET, ("127.0.0.1", _port(now))))
        driver.upstream.close()


async def test_a_pinned_address_stays_whatever_a_login_says(timeouts: Timeouts) -> None:
    with silent_listener() as place, silent_listener() as elsewhere:
        pinned = Address(socket.AF_INET, ("127.0.0.1", _port(place)))
        driver = Driver(timeouts, route=Route(pinned))
        await driver.run(_one(Connect(_login(_port(elsewhere)))))
        assert driver.upstream is not None
        assert driver.upstream.socket.getpeername() == pinned.sockaddr
        driver.upstream.close()


async def test_what_cannot_be_trusted_is_not_connected(timeouts: Timeouts) -> None:
    def steps(login: Login) -> Steps:
        yield Connect(login)
        yield StartTls(Side.UPSTREAM)

    policy = TlsPolicy(TlsMode.VERIFY_FULL, "/none")
    with silent_listener() as place:
        endpoint = TcpEndpoint("127.0.0.1", _port(place))
        driver = Driver(timeouts)
        with pytest.raises(Refusal, match='role "app" is not set up correctly') as raised:
            await driver.run(steps(Login(role="app", endpoint=endpoint, tls=policy)))
        assert raised.value.reason is Reason.SECRET_UNAVAILABLE
        assert raised.value.detail.startswith("SSLROOTCERT is neither a certificate nor the path")
        assert driver.upstream is not None
        driver.upstream.close()

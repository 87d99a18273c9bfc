"""TLS to a server that wants to know who we are, and how it fails in its different ways."""

import asyncio
import ssl
from collections.abc import Callable, Generator
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from protocols.api import (
    Command,
    Connect,
    Disconnected,
    Login,
    Receive,
    Send,
    Side,
    StartTls,
    TcpEndpoint,
    Tls,
    TlsMode,
    TlsPolicy,
)
from protocols.errors import LoginRejected, Reason, ServerProtocolError
from proxy.config.schema import Timeouts
from proxy.connection import Connection
from proxy.driver import Driver
from proxy.tls import server_context
from tests.proxy.conftest import SocketPair
from tests.servers.authority import Authority, Issued
from tests.servers.who_am_i import WhoAmI

Steps = Generator[Command, Any, Any]
MakeContext = Callable[..., ssl.SSLContext]

_VERSIONS = (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3)


@pytest.fixture
def stranger(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """One that the server does not know."""
    return Authority(tmp_path_factory.mktemp("stranger"))


@pytest.fixture
def context(authority: Authority, tmp_path: Path) -> ssl.SSLContext:
    """A server's, who is localhost; it lets in who has a certificate of `authority`."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*authority.issue("server", "localhost").save(tmp_path, "server"))
    context.load_verify_locations(cadata=authority.pem)
    context.verify_mode = ssl.CERT_REQUIRED
    return context


def _login(
    server: WhoAmI, authority: Authority, client: Issued | None = None, host: str = "localhost"
) -> Login:
    pair = (client.certificate, client.key) if client else (None, None)
    tls = TlsPolicy(TlsMode.VERIFY_FULL, authority.pem, *pair)
    return Login(role="app", endpoint=TcpEndpoint(host, server.port), tls=tls)


def _ask(login: Login) -> Steps:
    yield Connect(login)
    yield StartTls(Side.UPSTREAM)
    yield Send(Side.UPSTREAM, b"who am I?")
    return (yield Receive(Side.UPSTREAM))


async def _answer(timeouts: Timeouts, login: Login) -> Any:
    driver = Driver(timeouts)
    try:
        return await driver.run(_ask(login))
    finally:
        driver.close()


@pytest.mark.parametrize(
    ("version", "mode"), [*product(_VERSIONS, (ssl.CERT_OPTIONAL, ssl.CERT_REQUIRED))]
)
async def test_a_certificate_is_shown_to_who_asks_for_it(
    timeouts: Timeouts,
    authority: Authority,
    context: ssl.SSLContext,
    version: ssl.TLSVersion,
    mode: ssl.VerifyMode,
) -> None:
    context.minimum_version = context.maximum_version = version
    context.verify_mode = mode
    with WhoAmI(context) as server:
        login = _login(server, authority, authority.issue("the client"))
        assert await _answer(timeouts, login) == b"the client"


async def test_nobody_is_shown_a_certificate_unasked(
    timeouts: Timeouts, authority: Authority, context: ssl.SSLContext
) -> None:
    context.verify_mode = ssl.CERT_NONE
    with WhoAmI(context) as server:
        login = _login(server, authority, authority.issue("the client"))
        assert await _answer(timeouts, login) == b"nobody"


@pytest.mark.parametrize("version", _VERSIONS)
async def test_a_certificate_that_is_refused_is_a_rejected_login(
    timeouts: Timeouts,
    authority: Authority,
    stranger: Authority,
    context: ssl.SSLContext,
    version: ssl.TLSVersion,
) -> None:
    """In TLS 1.3 the alert comes after the handshake."""
    context.minimum_version = context.maximum_version = version
    reasons = {
        "UNKNOWN_CA": stranger.issue("the client"),
        "CERTIFICATE_EXPIRED": authority.issue("the client", expired=True),
    }
    with WhoAmI(context) as server:
        for reason, client in reasons.items():
            with pytest.raises(LoginRejected) as raised:
                await _answer(timeouts, _login(server, authority, client))
            assert str(raised.value) == (
                'upstream of role "app" did not accept the role\'s certificate (SSLCERT)'
            )
            assert raised.value.code.endswith(reason)
            assert "alert" in raised.value.detail


async def test_a_certificate_that_is_missing_is_demanded(
    timeouts: Timeouts, authority: Authority, context: ssl.SSLContext
) -> None:
    with WhoAmI(context) as server, pytest.raises(LoginRejected) as raised:
        await _answer(timeouts, _login(server, authority))
    assert str(raised.value) == (
        'upstream of role "app" demands a client certificate; set SSLCERT and SSLKEY'
    )


async def test_tls_that_cannot_be_established(
    timeouts: Timeouts, authority: Authority, context: ssl.SSLContext
) -> None:
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers("PSK")
    with WhoAmI(context) as server, pytest.raises(ServerProtocolError) as raised:
        await _answer(timeouts, _login(server, authority))
    assert raised.value.reason is Reason.UPSTREAM_INSECURE
    assert str(raised.value) == 'upstream of role "app": TLS could not be established'
    assert "handshake failure" in raised.value.detail


async def test_a_certificate_of_another_name_is_not_accepted(
    timeouts: Timeouts, authority: Authority, context: ssl.SSLContext
) -> None:
    with WhoAmI(context) as server, pytest.raises(ServerProtocolError) as raised:
        await _answer(timeouts, _login(server, authority, host="127.0.0.1"))
    assert str(raised.value) == 'upstream of role "app": its TLS certificate was not accepted'
    assert "IP address mismatch" in raised.value.detail


@pytest.mark.parametrize(("host", "told"), [("localhost", "localhost"), ("127.0.0.1", None)])
async def test_a_server_is_told_which_name_we_came_for(
    timeouts: Timeouts, context: ssl.SSLContext, host: str, told: str | None
) -> None:
    """An address is no name, and servers may hang up on one."""
    context.verify_mode = ssl.CERT_NONE
    with WhoAmI(context) as server:
        endpoint = TcpEndpoint(host, server.port)
        await _answer(
            timeouts, Login(role="app", endpoint=endpoint, tls=TlsPolicy(TlsMode.REQUIRE))
        )
    assert server.names == [told]


async def test_what_tls_has_established_is_told(
    timeouts: Timeouts, authority: Authority, context: ssl.SSLContext, tmp_path: Path
) -> None:
    def steps(login: Login) -> Steps:
        yield Connect(login)
        return (yield StartTls(Side.UPSTREAM))

    with WhoAmI(context) as server:
        driver = Driver(timeouts)
        tls = await driver.run(steps(_login(server, authority)))
        driver.close()
    shown = ssl.PEM_cert_to_DER_cert((tmp_path / "server.crt").read_text())
    assert tls == Tls("TLSv1.3", verified=True, peer_certificate=shown)


async def test_another_connection_on_the_same_route_needs_no_key(
    timeouts: Timeouts, authority: Authority, context: ssl.SSLContext
) -> None:
    """Such as a cancel request, long after the session's login."""
    with WhoAmI(context) as server:
        driver = Driver(timeouts)
        await driver.run(_ask(_login(server, authority, authority.issue("the client"))))
        again = Driver(timeouts, route=driver.route)
        assert await again.run(_ask(_login(server, authority))) == b"the client"
        driver.close()
        again.close()


async def test_a_clients_alert_is_a_client_that_has_left(
    timeouts: Timeouts, pair: SocketPair
) -> None:
    """One that does not trust the proxy's certificate."""

    def steps() -> Steps:
        yield StartTls(Side.CLIENT)
        return (yield Receive(Side.CLIENT))

    client, ours = Connection(pair[0]), Connection(pair[1], server_context())
    driver = Driver(timeouts, client=ours)
    trusting = ssl.create_default_context()
    handshake = client.start_tls(trusting, server_name="localhost", received=b"")
    ends = await asyncio.gather(handshake, driver.run(steps()), return_exceptions=True)
    assert isinstance(ends[0], ssl.SSLCertVerificationError)
    assert isinstance(ends[1], Disconnected)
    assert ends[1].side is Side.CLIENT

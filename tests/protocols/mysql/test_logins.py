"""Upstream's half on real servers: every plugin, under TLS, without it, and by a Unix socket."""

from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from protocols.api import TcpEndpoint, TlsMode, TlsPolicy, UnixEndpoint
from protocols.errors import LoginRejected, Reason, Refusal
from protocols.mysql.log_in import try_login
from protocols.mysql.login import MysqlLogin, MysqlOptions
from proxy.config.schema import Timeouts
from proxy.driver import Driver, nonce
from tests.secrecy import CANARY, canary
from tests.servers.authority import Authority
from tests.servers.mysql import DATABASE, MysqlServers
from tests.servers.mysql_flavours import ED25519, PLUGINS, SHA2, SHA256
from tests.servers.mysqld import HOST, OTHER_HOST, MysqlServer

_ACCOUNTS = [(name, plugin) for name, plugins in PLUGINS.items() for plugin in plugins]
_DISABLE = TlsPolicy(TlsMode.DISABLE)
_TRUSTING = MysqlOptions(allow_public_key_retrieval=True)


def _login(server: MysqlServer, user: str, tls: TlsPolicy, **more: Any) -> MysqlLogin:
    usual: dict[str, Any] = {"role": "app", "database": DATABASE, "password": CANARY}
    usual["endpoint"] = TcpEndpoint(HOST, server.port)
    return MysqlLogin(user=user, tls=tls, **(usual | more))


async def _try(login: MysqlLogin) -> Mapping[str, str]:
    driver = Driver(Timeouts())
    try:
        return await driver.run(try_login(login, nonce))
    finally:
        driver.close()


@pytest.fixture
def verified(authority: Authority) -> TlsPolicy:
    return TlsPolicy(TlsMode.VERIFY_FULL, authority.pem)


@pytest.fixture
def forgetful(mysql: MysqlServer) -> MysqlServer:
    """MySQL, which will ask for the password itself."""
    mysql.execute("FLUSH PRIVILEGES")
    return mysql


@pytest.mark.parametrize(("name", "plugin"), _ACCOUNTS)
async def test_every_plugin_logs_in(
    mysql_servers: MysqlServers, verified: TlsPolicy, name: str, plugin: str
) -> None:
    server = mysql_servers.running(name)
    socket = UnixEndpoint(str(server.socket))
    for login, tls in (
        (_login(server, plugin, verified), "TLSv1.3"),
        (_login(server, plugin, _DISABLE, options=_TRUSTING), "none"),
        (_login(server, plugin, verified, endpoint=socket, options=_TRUSTING), "none"),
    ):
        facts = await _try(login)
        assert facts["method"] == ("client_ed25519" if plugin == ED25519 else plugin)
        assert (facts["tls"], facts["database"]) == (tls, DATABASE)
        version = server.execute("SELECT version()")[0][0]
        assert facts["server_version"] == version


@pytest.mark.parametrize(("name", "plugin"), _ACCOUNTS)
async def test_a_wrong_password_is_refused(
    mysql_servers: MysqlServers, verified: TlsPolicy, name: str, plugin: str
) -> None:
    server = mysql_servers.running(name)
    for password in (canary("-wrong"), ""):
        with pytest.raises(LoginRejected) as caught:
            await _try(_login(server, plugin, verified, password=password))
        assert caught.value.code == "1045"
        assert plugin not in str(caught.value)


@pytest.mark.parametrize("mode", [TlsMode.PREFER, TlsMode.REQUIRE, TlsMode.VERIFY_FULL])
async def test_a_password_that_is_not_remembered_is_told_under_tls(
    forgetful: MysqlServer, authority: Authority, mode: TlsMode
) -> None:
    root = authority.pem if mode.verifies else None
    assert (await _try(_login(forgetful, SHA2, TlsPolicy(mode, root))))["method"] == SHA2


async def test_it_is_told_by_a_socket(forgetful: MysqlServer) -> None:
    socket = UnixEndpoint(str(forgetful.socket))
    assert (await _try(_login(forgetful, SHA2, _DISABLE, endpoint=socket)))["tls"] == "none"


@pytest.mark.parametrize("plugin", [SHA2, SHA256])
async def test_without_tls_it_needs_a_key_that_is_known(
    forgetful: MysqlServer, plugin: str
) -> None:
    with pytest.raises(Refusal, match="SERVER_PUBLIC_KEY") as caught:
        await _try(_login(forgetful, plugin, _DISABLE))
    assert caught.value.reason is Reason.UPSTREAM_INSECURE
    known = _login(forgetful, plugin, _DISABLE, public_key=forgetful.public_key)
    assert (await _try(known))["method"] == plugin


async def test_the_password_is_remembered_after_it(forgetful: MysqlServer) -> None:
    plain = _login(forgetful, SHA2, _DISABLE)
    with pytest.raises(Refusal, match="SERVER_PUBLIC_KEY"):
        await _try(plain)
    await _try(_login(forgetful, SHA2, TlsPolicy(TlsMode.REQUIRE)))
    assert (await _try(plain))["tls"] == "none"


async def test_a_server_must_be_who_it_says(any_mysql: MysqlServer, verified: TlsPolicy) -> None:
    elsewhere = TcpEndpoint(OTHER_HOST, any_mysql.port)
    with pytest.raises(Refusal, match="TLS certificate was not accepted") as caught:
        await _try(_login(any_mysql, "tls_user", verified, endpoint=elsewhere))
    assert caught.value.reason is Reason.UPSTREAM_INSECURE


async def test_who_must_use_tls_is_let_in_with_it(any_mysql: MysqlServer) -> None:
    assert (await _try(_login(any_mysql, "tls_user", TlsPolicy(TlsMode.REQUIRE))))["tls"] != "none"
    with pytest.raises(LoginRejected):
        await _try(_login(any_mysql, "tls_user", _DISABLE, options=_TRUSTING))


async def test_who_must_show_a_certificate_is_let_in_with_it(
    any_mysql: MysqlServer, authority: Authority, verified: TlsPolicy
) -> None:
    ours = authority.issue("client")
    tls = TlsPolicy(TlsMode.VERIFY_FULL, authority.pem, ours.certificate, ours.key)
    assert (await _try(_login(any_mysql, "cert_user", tls)))["tls"] == "TLSv1.3"
    with pytest.raises(LoginRejected):
        await _try(_login(any_mysql, "cert_user", verified))


@pytest.fixture(params=["PASSWORD EXPIRE", "ACCOUNT LOCK"])
def spoilt(request: pytest.FixtureRequest, any_mysql: MysqlServer) -> Iterator[MysqlServer]:
    """A server with an account whose password was good until a moment ago."""
    mysql = any_mysql.flavour.daemon == "mysqld"
    any_mysql.create_user("spoilt", SHA2 if mysql else ED25519)
    any_mysql.execute(f"ALTER USER 'spoilt'@'%' {request.param}")
    if not mysql:  # it lets everybody in else, to do nothing but set a password
        any_mysql.execute("SET GLOBAL disconnect_on_expired_password = ON")
    yield any_mysql
    any_mysql.execute("DROP USER 'spoilt'@'%'")
    if not mysql:
        any_mysql.execute("SET GLOBAL disconnect_on_expired_password = OFF")


async def test_an_account_that_is_out_of_use_may_have_a_successor(
    spoilt: MysqlServer, verified: TlsPolicy
) -> None:
    with pytest.raises(LoginRejected) as caught:
        await _try(_login(spoilt, "spoilt", verified, database=None))
    assert caught.value.code in ("1862", "3118", "4151")


@pytest.mark.parametrize(("database", "code"), [("mysql", 1044), ("nowhere", 1044)])
async def test_a_database_that_is_not_to_be_had_is_told_apart(
    any_mysql: MysqlServer, verified: TlsPolicy, database: str, code: int
) -> None:
    with pytest.raises(Refusal) as caught:
        await _try(_login(any_mysql, "tls_user", verified, database=database))
    assert caught.value.reason is Reason.UNKNOWN_DATABASE
    assert caught.value.detail.startswith(str(code))


async def test_no_connection_is_counted_as_aborted(any_mysql: MysqlServer) -> None:
    def aborted() -> list[Any]:
        return any_mysql.execute("SHOW GLOBAL STATUS LIKE 'Aborted%'")

    before = aborted()
    for _ in range(3):
        await _try(_login(any_mysql, "tls_user", TlsPolicy(TlsMode.REQUIRE)))
    assert aborted() == before

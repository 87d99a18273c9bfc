"""A password changes in OpenBao and in MySQL or MariaDB, by any plugin: nobody notices."""

import threading
from collections.abc import Iterator
from contextlib import closing
from itertools import count

import pytest

from proxy.demo.openbao import OpenBao
from tests.end_to_end.conftest import StartKeyless, Store
from tests.end_to_end.mysql import ask, connect, mysql_role, refused
from tests.keyless import Keyless
from tests.secrecy import canary
from tests.servers.mysql import MysqlServers
from tests.servers.mysql_flavours import PLUGINS
from tests.servers.mysqld import MysqlServer
from tests.waiting import eventually

_ACCOUNTS = [(name, plugin) for name, plugins in PLUGINS.items() for plugin in plugins]
_names = (f"rotating_in_mysql_{n}" for n in count())


@pytest.fixture(params=_ACCOUNTS, ids="-".join)
def server(request: pytest.FixtureRequest, mysql_servers: MysqlServers) -> MysqlServer:
    """Each server as often as it has plugins."""
    return mysql_servers.running(request.param[0])


@pytest.fixture
def account(request: pytest.FixtureRequest, server: MysqlServer) -> Iterator[str]:
    """An account of the test's own, with the canary as its password."""
    name = next(_names)
    server.create_user(name, request.node.callspec.params["server"][1])
    yield name
    server.execute(f"DROP USER '{name}'@'%'")


@pytest.fixture
def keyless(
    openbao: OpenBao, server: MysqlServer, account: str, store: Store, start_keyless: StartKeyless
) -> Keyless:
    """One role, whose secret is the account's."""
    variables = {"PASS": f"_vaultkv2:secret/data/{account}:password", "DB": None}
    environment = {"VAULT_ADDR": openbao.address, "VAULT_TOKEN": openbao.client.token}
    return start_keyless(mysql_role("app", server, account, **variables), environment)


def _account(session: object) -> str:
    ((told,),) = ask(session, "SELECT substring_index(current_user(), '@', 1)")
    return str(told)


def test_the_next_session_is_in_and_open_ones_go_on(
    keyless: Keyless, server: MysqlServer, account: str, store: Store
) -> None:
    audit = keyless.audit()
    with closing(connect(keyless, "app")) as before:
        store(canary("-2"))
        server.set_password(account, canary("-2"))
        with closing(connect(keyless, "app")) as after:
            assert _account(before) == _account(after) == account
    assert [event["version"] for event in audit.wait("secret.read", 2)] == ["1", "2"]
    assert audit.events("login.retry") == []


def test_the_server_may_be_behind(keyless: Keyless, account: str, store: Store) -> None:
    """The version before the newest is tried where that is refused."""
    store(canary("-2"))
    audit = keyless.audit()
    with closing(connect(keyless, "app")) as session:
        assert _account(session) == account
    assert audit.one("login.retry")["code"] == "1045"


def test_the_server_may_be_ahead(
    keyless: Keyless, server: MysqlServer, account: str, store: Store
) -> None:
    """The client waits until the newest version is there."""
    server.set_password(account, canary("-2"))
    audit = keyless.audit()
    told: list[str] = []

    def log_in() -> None:
        with closing(connect(keyless, "app")) as session:
            told.append(_account(session))

    client = threading.Thread(target=log_in)
    client.start()
    eventually(lambda: audit.events("login.retry") or audit.events("secret.read"))
    store(canary("-2"))
    client.join(15)
    assert told == [account]


def test_a_password_that_nobody_stored_is_refused(
    keyless: Keyless, server: MysqlServer, account: str
) -> None:
    server.set_password(account, canary("-2"))
    assert refused(keyless, "app")[0] == 1045

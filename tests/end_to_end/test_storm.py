"""Clients connect without a pause while the password rotates under them: none of them fails.

`python -m bench.storm` is the same for a minute, with more clients and with outages.
"""

import asyncio
import time
from collections.abc import Iterator, Mapping
from contextlib import closing
from itertools import count

import pytest

from bench.storm.clients import connect_until
from bench.storm.databases import Account, MysqlAccount, PostgresAccount
from bench.storm.findings import Findings
from bench.storm.rotation import Rotation
from bench.storm.stores import AwsStore, Store, VaultStore
from proxy.demo.openbao import OpenBao
from proxy.demo.postgres import EmbeddedPostgres
from tests.end_to_end.conftest import StartKeyless
from tests.end_to_end.gate import Gate
from tests.keyless import Keyless, role
from tests.secrecy import canary
from tests.servers.moto_aws import REGION, MotoAws
from tests.servers.mysql import MysqlServers
from tests.servers.mysql_flavours import PLUGINS
from tests.wire import Wire

_SECONDS = 10.0
_CLIENTS = 20
_MOST_LOGINS = 5  # of one session

Environment = Mapping[str, str]


@pytest.fixture
def vault_store(openbao: OpenBao) -> tuple[Store, Environment]:
    environment = {"VAULT_ADDR": openbao.address, "VAULT_TOKEN": openbao.root_token}
    return VaultStore(openbao.client, "storm"), environment


@pytest.fixture
def aws_store(moto_aws: MotoAws) -> tuple[Store, Environment]:
    environment = {
        "AWS_ENDPOINT_URL": moto_aws.url,
        "AWS_REGION": REGION,
        "AWS_ACCESS_KEY_ID": "a-key-that-moto-does-not-check",
        "AWS_SECRET_ACCESS_KEY": "nor-this",
    }
    return AwsStore(moto_aws.client("secretsmanager"), "storm"), environment


@pytest.fixture
def store(request: pytest.FixtureRequest) -> tuple[Store, Environment]:
    found: tuple[Store, Environment] = request.getfixturevalue(f"{request.param}_store")
    return found


@pytest.fixture
def account(latest_postgres: EmbeddedPostgres) -> Iterator[Account]:
    with closing(PostgresAccount(latest_postgres, "storm")) as account:
        yield account


@pytest.mark.parametrize(
    ("store", "order"),
    [
        ("vault", "database-first"),
        ("vault", "provider-first"),
        ("aws", "database-first"),
        ("aws", "provider-first"),
        ("aws", "staged"),
    ],
    indirect=["store"],
)
async def test_no_connect_fails(
    store: tuple[Store, Environment],
    order: str,
    account: Account,
    latest_postgres: EmbeddedPostgres,
    start_keyless: StartKeyless,
) -> None:
    secret, environment = store
    keyless = start_keyless(storm_role(latest_postgres, secret), environment)
    await _storm(keyless, account, secret, order, "postgres")


@pytest.mark.parametrize("name", ["mysql", "mariadb"])
@pytest.mark.parametrize("order", ["database-first", "provider-first"])
async def test_no_connect_to_mysql_fails(
    name: str,
    order: str,
    vault_store: tuple[Store, Environment],
    mysql_servers: MysqlServers,
    start_keyless: StartKeyless,
) -> None:
    secret, environment = vault_store
    server = mysql_servers.running(name)
    keyless = start_keyless(storm_role(server.port, secret, kind="mysql"), environment)
    with closing(MysqlAccount(server, PLUGINS[name][0], "storm")) as account:
        await _storm(keyless, account, secret, order, "mysql")


async def _storm(keyless: Keyless, account: Account, secret: Store, order: str, kind: str) -> None:
    rotation = Rotation(account, secret, order, (canary(f"-{n}") for n in count()))
    end = time.monotonic() + _SECONDS
    clients = connect_until(end, keyless.places["storm"], "storm", _CLIENTS, kind=kind)
    connects, _ = await asyncio.gather(clients, rotation.run(end))
    keyless.stop()
    found = Findings.of(order, rotation.count, connects, keyless.audit_path)
    assert (found.failures, found.details) == ({}, {})
    assert found.rotations >= 4
    assert found.retried > 0, "no client met a rotation, so nothing was proven"
    assert 1 < found.attempts <= _MOST_LOGINS


def test_the_database_may_follow_between_two_logins(
    vault_store: tuple[Store, Environment],
    account: Account,
    latest_postgres: EmbeddedPostgres,
    start_keyless: StartKeyless,
) -> None:
    """It refuses the new password while it has the old one, and the old one when it has the new."""
    secret, environment = vault_store
    account.change(canary("-old"))
    secret.write(canary("-old"))
    secret.write(canary("-new"))

    def follow(connection: int) -> None:
        if connection == 2:
            account.change(canary("-new"))

    with Gate(latest_postgres.port, follow) as gate:
        keyless = start_keyless(storm_role(gate.port, secret), environment)
        audit = keyless.audit()
        with Wire(keyless.places["storm"]).log_in("storm") as session:
            assert session.query("SELECT current_user") == [b"storm"]
        assert gate.connections == 3
    old, new = (int(retry["versions"][0]) for retry in audit.wait("login.retry", 2))
    assert old == new - 1


def storm_role(server: EmbeddedPostgres | int, secret: Store, *, kind: str = "postgres") -> str:
    user, password = f"{secret.reference}:username", f"{secret.reference}:password"
    if kind == "mysql":
        return role(
            "storm", server, kind=kind, USER=user, PASS=password, DB=None, SSLMODE="require"
        )
    return role("storm", server, USER=user, PASS=password)

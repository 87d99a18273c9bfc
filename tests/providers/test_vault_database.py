"""Logins made for one reader: real users in a real PostgreSQL, by OpenBao's database engine."""

import json
import logging
import time
from collections.abc import Iterator
from contextlib import closing

import psycopg
import pytest

from providers.api import Lease, LeasingProvider, SecretVersion, Stage
from providers.errors import (
    AccessDenied,
    ProviderMisconfigured,
    ProviderUnavailable,
    SecretNotFound,
    SecretUnreadable,
)
from providers.vault_database import VaultDatabase
from proxy.demo.openbao import OpenBao
from proxy.demo.postgres import EmbeddedPostgres
from tests.providers.reading import PATIENCE, lasting
from tests.providers.vaults import as_root, with_app_role, with_policy
from tests.secrecy import CANARY
from tests.servers.misbehaving import OneAnswer
from tests.servers.postgres import PostgresServers

CREATE = """CREATE ROLE "{{name}}" LOGIN PASSWORD '{{password}}' VALID UNTIL '{{expiration}}'"""
MAKE_LOGINS = 'path "database/creds/*" { capabilities = ["read"] }'
REVOKE = 'path "sys/leases/revoke" { capabilities = ["update"] }'


def set_up(vault: OpenBao, postgres: EmbeddedPostgres) -> None:
    """The engine at database/, with roles whose logins live long, or for seconds at a time."""
    postgres.execute(f"CREATE ROLE vault LOGIN CREATEROLE PASSWORD '{CANARY}'")
    vault.client.sys.enable_secrets_engine("database")
    configuration = {
        "plugin_name": "postgresql-database-plugin",
        "connection_url": f"postgresql://{{{{username}}}}:{{{{password}}}}@127.0.0.1:{postgres.port}"
        "/postgres?sslmode=disable",
        "username": "vault",
        "password": CANARY,
        "allowed_roles": "*",
    }
    vault.client.write_data("database/config/pg", data=configuration)
    for name, ttl, max_ttl in (("app", "1h", "2h"), ("brief", "2s", "1h"), ("last", "4s", "4s")):
        role = {"db_name": "pg", "creation_statements": [CREATE]}
        role |= {"default_ttl": ttl, "max_ttl": max_ttl}
        vault.client.write_data(f"database/roles/{name}", data=role)


@pytest.fixture(scope="module")
def postgres(openbao: OpenBao, latest_postgres: EmbeddedPostgres) -> Iterator[EmbeddedPostgres]:
    set_up(openbao, latest_postgres)
    yield latest_postgres
    openbao.client.sys.disable_secrets_engine("database")  # and with it go all leases
    until_gone(latest_postgres, "v-%")
    latest_postgres.execute("DROP ROLE vault")


@pytest.fixture
def provider(openbao: OpenBao, postgres: EmbeddedPostgres) -> Iterator[LeasingProvider]:
    with closing(VaultDatabase(as_root(openbao))) as provider:
        yield provider


def user_of(version: SecretVersion) -> str:
    return version.value("username").reveal()


def lease_of(version: SecretVersion) -> Lease:
    assert version.lease is not None
    return version.lease


def exists(postgres: EmbeddedPostgres, user: str) -> bool:
    count = postgres.execute(f"SELECT count(*) FROM pg_roles WHERE rolname LIKE '{user}'")
    return count.strip() != "0"


def until_gone(postgres: EmbeddedPostgres, user: str) -> None:
    end = time.monotonic() + PATIENCE
    while exists(postgres, user):
        assert time.monotonic() < end, "the user is there still"
        time.sleep(0.1)


def test_each_reader_gets_a_login_of_its_own(
    provider: LeasingProvider, postgres: EmbeddedPostgres
) -> None:
    assert provider.makes_secrets
    versions = [provider.fetch("database/creds/app", PATIENCE) for _ in range(2)]
    users = {user_of(version) for version in versions}
    assert len(users) == 2
    for version in versions:
        lease = lease_of(version)
        assert lease.id == f"database/creds/app/{version.version}"
        assert (lease.seconds, lease.renewable) == (3600, True)
        with psycopg.connect(
            host="127.0.0.1",
            port=postgres.port,
            dbname="postgres",
            user=user_of(version),
            password=version.value("password").reveal(),
        ) as connection:
            assert connection.execute("SELECT current_user").fetchone() == (user_of(version),)
        provider.revoke(lease.id, PATIENCE)


def test_a_login_that_is_revoked_is_gone_at_once(
    provider: LeasingProvider, postgres: EmbeddedPostgres
) -> None:
    version = provider.fetch("/database/creds/app", PATIENCE)
    assert exists(postgres, user_of(version))
    provider.revoke(lease_of(version).id, PATIENCE)
    assert not exists(postgres, user_of(version))
    provider.revoke(lease_of(version).id, PATIENCE)
    with pytest.raises(SecretNotFound, match=r"renew the lease .*lease not found\); it has ended"):
        provider.renew(lease_of(version), PATIENCE)


def test_another_process_may_revoke_it(
    openbao: OpenBao, provider: LeasingProvider, postgres: EmbeddedPostgres
) -> None:
    version = provider.fetch("database/creds/app", PATIENCE)
    with closing(VaultDatabase(with_app_role(openbao, policy=REVOKE))) as other:
        other.revoke(lease_of(version).id, PATIENCE)
    assert not exists(postgres, user_of(version))


def test_a_login_lives_as_long_as_it_is_renewed(
    provider: LeasingProvider, postgres: EmbeddedPostgres
) -> None:
    version = provider.fetch("database/creds/brief", PATIENCE)
    lease = lease_of(version)
    for _ in range(3):
        assert (lease.id, lease.seconds) == (lease_of(version).id, 2)
        time.sleep(1)
        lease = provider.renew(lease, PATIENCE)
    assert exists(postgres, user_of(version))
    until_gone(postgres, user_of(version))


def test_a_renewal_tells_when_the_end_comes_nearer(provider: LeasingProvider) -> None:
    lease = lease_of(provider.fetch("database/creds/last", PATIENCE))
    time.sleep(1)
    assert provider.renew(lease, PATIENCE).seconds < 4
    provider.revoke(lease.id, PATIENCE)


def test_a_login_lives_no_longer_than_the_token_it_was_made_with(
    openbao: OpenBao, postgres: EmbeddedPostgres
) -> None:
    provider = VaultDatabase(with_app_role(openbao, token_ttl="20s", policy=MAKE_LOGINS))
    version = provider.fetch("database/creds/app", PATIENCE)
    assert 19 < lease_of(version).seconds <= 20
    assert 18 < provider.renew(lease_of(version), PATIENCE).seconds <= 20
    provider.close()
    until_gone(postgres, user_of(version))


def test_what_the_policy_denies_is_told(openbao: OpenBao, provider: LeasingProvider) -> None:
    lease = lease_of(provider.fetch("database/creds/app", PATIENCE))
    denied = VaultDatabase(with_policy(openbao, REVOKE, no_default_policy=True))
    with pytest.raises(AccessDenied, match=r"read database/creds/app \(status 403"):
        denied.fetch("database/creds/app", PATIENCE)
    with pytest.raises(AccessDenied, match=r"renew the lease .* update sys/leases/renew$"):
        denied.renew(lease, PATIENCE)
    denied = VaultDatabase(with_policy(openbao, MAKE_LOGINS))
    with pytest.raises(AccessDenied, match=r"revoke the lease .* update sys/leases/revoke$"):
        denied.revoke(lease.id, PATIENCE)
    provider.revoke(lease.id, PATIENCE)


def test_what_makes_no_logins_is_told(openbao: OpenBao, provider: LeasingProvider) -> None:
    with pytest.raises(ProviderMisconfigured, match=r"creds/none \(status 400: unknown role: none"):
        provider.fetch("database/creds/none", PATIENCE)
    openbao.client.adapter.post("/v1/kv1/pg", json={"password": CANARY})
    with pytest.raises(SecretUnreadable, match="kv1/pg makes no lease; read it with _vaultkv1:kv1"):
        provider.fetch("kv1/pg", PATIENCE)
    with pytest.raises(SecretNotFound, match="no previous version of database/creds/app"):
        provider.fetch("database/creds/app", PATIENCE, Stage.PREVIOUS)


@pytest.mark.parametrize("text", ["app:username", "database/creds/app", "database/creds/app:", ":"])
def test_a_mistaken_reference_is_told(text: str) -> None:
    with pytest.raises(ValueError, match="write _"):
        VaultDatabase.split(text)


def test_a_database_that_is_away_is_told(
    own_openbao: OpenBao, postgres_servers: PostgresServers
) -> None:
    with postgres_servers.fresh(16) as postgres:
        set_up(own_openbao, postgres)
        provider = VaultDatabase(as_root(own_openbao))
        version = provider.fetch("database/creds/app", PATIENCE)
        postgres.stop()
        with lasting(0.3, 2), pytest.raises(ProviderUnavailable, match=r"answered 500: .*refused"):
            provider.fetch("database/creds/app", 1)
        with pytest.raises(ProviderUnavailable, match=r"could not revoke the lease .*refused"):
            provider.revoke(lease_of(version).id, PATIENCE)
        postgres.start()
        provider.revoke(lease_of(version).id, PATIENCE)
        assert not exists(postgres, "v-%")


def test_a_login_that_comes_too_late_is_given_back() -> None:
    body = {"lease_id": "database/creds/app/late", "lease_duration": 60, "data": {"password": "x"}}
    with OneAnswer("200 OK", json.dumps(body).encode(), drip=0.01) as server:
        provider = VaultDatabase({"VAULT_ADDR": f"http://{server.place}", "VAULT_TOKEN": CANARY})
        with lasting(0, 4), pytest.raises(ProviderUnavailable, match="no answer within 3 seconds"):
            provider.fetch("database/creds/app", 3)
        end = time.monotonic() + PATIENCE
        while not any(b"/sys/leases/revoke" in request for request in server.requests):
            assert time.monotonic() < end, "the lease was not given back"
            time.sleep(0.05)


def test_logs_at_debug_do_not_show_the_login(
    provider: LeasingProvider, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    version = provider.fetch("database/creds/app", PATIENCE)
    provider.revoke(lease_of(version).id, PATIENCE)
    assert "/v1/database/creds/app" in caplog.text
    assert (version.value("password").reveal() in caplog.text) is False

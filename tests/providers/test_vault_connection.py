"""One connection and one login for all providers with the same settings."""

import pytest

from providers.api import Secret
from providers.vault import VaultKv1, VaultKv2
from providers.vault_database import VaultDatabase
from proxy.demo.openbao import OpenBao
from tests.providers.reading import read
from tests.providers.vaults import READ_APP, tokens, with_app_role, write
from tests.secrecy import CANARY

POLICY = READ_APP + 'path "kv1/app/*" { capabilities = ["read"] }'


@pytest.fixture(autouse=True)
def _secrets(openbao: OpenBao) -> None:
    write(openbao, "app/pg", {"password": CANARY})
    openbao.client.adapter.post("/v1/kv1/app/pg", json={"password": CANARY})


def read_both(kv1: VaultKv1, kv2: VaultKv2) -> None:
    assert read(kv1, "kv1/app/pg:password") == Secret(CANARY)
    assert read(kv2, "secret/data/app/pg:password") == Secret(CANARY)


def test_providers_with_the_same_settings_share_one_login(openbao: OpenBao) -> None:
    environ = with_app_role(openbao, policy=POLICY)
    before = tokens(openbao)
    read_both(VaultKv1(environ | {"HOME": "/"}), VaultKv2(environ))
    assert len(tokens(openbao) - before) == 1


def test_providers_with_other_settings_do_not(openbao: OpenBao) -> None:
    environ = with_app_role(openbao, policy=POLICY)
    before = tokens(openbao)
    read_both(VaultKv1(environ), VaultKv2(environ | {"VAULT_HTTP_REQ_TIMEOUT": "5s"}))
    assert len(tokens(openbao) - before) == 2


def test_the_login_ends_with_the_last_who_used_it(openbao: OpenBao) -> None:
    environ = with_app_role(openbao, policy=POLICY)
    before = tokens(openbao)
    kv1, kv2, database = VaultKv1(environ), VaultKv2(environ), VaultDatabase(environ)
    read_both(kv1, kv2)
    during = tokens(openbao)
    database.close()  # it never read
    kv1.close()
    kv1.close()
    assert read(kv2, "secret/data/app/pg:password") == Secret(CANARY)
    assert tokens(openbao) == during != before
    kv2.close()
    assert tokens(openbao) == before
    read_both(kv1, kv2)
    assert len(tokens(openbao) - before) == 1

"""Who we are to Vault: one AppRole login for all, made again when its token has gone."""

import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from providers.api import Secret
from providers.errors import AccessDenied, ProviderMisconfigured, ProviderUnavailable
from providers.vault import VaultKv2
from proxy.demo.openbao import OpenBao
from tests.providers.reading import lasting, read
from tests.providers.vaults import as_root, with_app_role, write
from tests.secrecy import CANARY
from tests.servers.misbehaving import OneAnswer, silent_listener

REFERENCE = "secret/data/app/pg:password"


@pytest.fixture(autouse=True)
def _secret(openbao: OpenBao) -> None:
    write(openbao, "app/pg", {"password": CANARY})


def tokens(openbao: OpenBao) -> set[str]:
    """The accessors of all tokens that Vault holds."""
    return set(openbao.client.auth.token.list_accessors()["data"]["keys"])


def test_a_wrong_token_is_told_without_it(openbao: OpenBao) -> None:
    with pytest.raises(AccessDenied, match="no longer valid") as caught:
        read(VaultKv2(as_root(openbao, VAULT_TOKEN=CANARY)), REFERENCE)
    assert CANARY not in str(caught.value)


def test_a_token_goes_before_an_app_role(openbao: OpenBao) -> None:
    before = tokens(openbao)
    both = {"VAULT_APP_ROLE_ID": "nobody", "VAULT_APP_ROLE_SECRET_ID": CANARY}
    assert read(VaultKv2(as_root(openbao) | both), REFERENCE) == Secret(CANARY)
    assert tokens(openbao) == before


def test_threads_share_one_login(openbao: OpenBao) -> None:
    provider = VaultKv2(with_app_role(openbao))
    before = tokens(openbao)
    with ThreadPoolExecutor(8) as threads:
        found = list(threads.map(lambda _: read(provider, REFERENCE), range(16)))
    assert found == [Secret(CANARY)] * 16
    assert len(tokens(openbao) - before) == 1


def test_a_login_is_made_anew_before_its_lease_ends(openbao: OpenBao) -> None:
    provider = VaultKv2(with_app_role(openbao, token_ttl="2s"))
    assert read(provider, REFERENCE) == Secret(CANARY)
    first = tokens(openbao)
    time.sleep(1.9)  # the token still lives: nine tenths of its time are over
    assert read(provider, REFERENCE) == Secret(CANARY)
    assert len(tokens(openbao) - first) == 1


def test_a_revoked_token_is_replaced(openbao: OpenBao) -> None:
    provider = VaultKv2(with_app_role(openbao))
    before = tokens(openbao)
    assert read(provider, REFERENCE) == Secret(CANARY)
    (accessor,) = tokens(openbao) - before
    openbao.client.auth.token.revoke_accessor(accessor)
    with ThreadPoolExecutor(8) as threads:
        found = list(threads.map(lambda _: read(provider, REFERENCE), range(16)))
    assert found == [Secret(CANARY)] * 16
    assert len(tokens(openbao) - before) == 1


def test_a_policy_that_denies_makes_no_new_tokens(openbao: OpenBao) -> None:
    provider = VaultKv2(with_app_role(openbao))
    before = tokens(openbao)
    for _ in range(3):
        with pytest.raises(AccessDenied, match="secret/data/other"):
            read(provider, "secret/data/other:password")
    assert len(tokens(openbao) - before) == 1


def test_a_closed_provider_gives_its_token_back(openbao: OpenBao) -> None:
    provider = VaultKv2(with_app_role(openbao))
    before = tokens(openbao)
    read(provider, REFERENCE)
    assert tokens(openbao) != before
    provider.close()
    assert tokens(openbao) == before


def test_closing_does_not_wait_for_a_server_that_has_gone(own_openbao: OpenBao) -> None:
    own_openbao.client.sys.enable_auth_method("approle")
    write(own_openbao, "app/pg", {"password": CANARY})
    provider = VaultKv2(with_app_role(own_openbao))
    read(provider, REFERENCE)
    own_openbao.stop()
    with lasting(0, 1.5):
        provider.close()


@pytest.mark.parametrize("wrong", ["VAULT_APP_ROLE_ID", "VAULT_APP_ROLE_SECRET_ID"])
def test_a_refused_login_is_told_without_the_credential(openbao: OpenBao, wrong: str) -> None:
    provider = VaultKv2(with_app_role(openbao) | {wrong: CANARY})
    with pytest.raises(AccessDenied, match=r"refused the AppRole login \(status 400") as caught:
        read(provider, REFERENCE)
    assert "check VAULT_APP_ROLE_ID and VAULT_APP_ROLE_SECRET_ID" in str(caught.value)
    assert CANARY not in str(caught.value)


def test_an_error_that_repeats_the_secret_id_is_told_without_it() -> None:
    app_role = {"VAULT_APP_ROLE_ID": "app", "VAULT_APP_ROLE_SECRET_ID": CANARY}
    with OneAnswer("400 Bad Request", b'{"errors": ["no %s"]}' % CANARY.encode()) as server:
        provider = VaultKv2({"VAULT_ADDR": f"http://{server.place}"} | app_role)
        with pytest.raises(AccessDenied, match=r"no \*\*\*") as caught:
            read(provider, REFERENCE)
    assert CANARY not in str(caught.value)


def test_a_login_counts_towards_the_deadline_of_all_who_wait_for_it() -> None:
    app_role = {"VAULT_APP_ROLE_ID": "app", "VAULT_APP_ROLE_SECRET_ID": CANARY}
    with silent_listener() as place, ThreadPoolExecutor(4) as threads, lasting(0.4, 0.9):
        provider = VaultKv2({"VAULT_ADDR": f"http://{place}"} | app_role)
        reads = [threads.submit(read, provider, REFERENCE, 0.5) for _ in range(4)]
        for outcome in reads:
            with pytest.raises(ProviderUnavailable, match=place):
                outcome.result()


@pytest.mark.parametrize(
    ("environ", "sentence"),
    [
        ({}, "VAULT_TOKEN is not set; set it, or VAULT_APP_ROLE_ID and VAULT_APP_ROLE_SECRET_ID"),
        ({"VAULT_TOKEN": " "}, "VAULT_TOKEN is not set"),
        ({"VAULT_APP_ROLE_ID": "app"}, "VAULT_APP_ROLE_SECRET_ID is not set"),
        ({"VAULT_APP_ROLE_SECRET_ID": CANARY}, "VAULT_APP_ROLE_ID is not set"),
    ],
    ids=["nothing", "blank", "half", "the other half"],
)
def test_a_missing_credential_is_named(environ: dict[str, str], sentence: str) -> None:
    with pytest.raises(ProviderMisconfigured, match=sentence) as caught:
        read(VaultKv2({"VAULT_ADDR": "http://127.0.0.1:1"} | environ), REFERENCE)
    assert CANARY not in str(caught.value)

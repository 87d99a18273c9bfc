"""Who we are to Vault: one token for all, renewed while it lives and replaced when it has gone."""

import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from providers.api import Secret
from providers.errors import AccessDenied, ProviderMisconfigured, ProviderUnavailable
from providers.vault import VaultKv2
from proxy.demo.openbao import OpenBao
from tests.providers.reading import lasting, read
from tests.providers.vaults import READ_APP, as_root, tokens, with_app_role, with_policy, write
from tests.secrecy import CANARY
from tests.servers.misbehaving import OneAnswer, silent_listener

REFERENCE = "secret/data/app/pg:password"


@pytest.fixture(autouse=True)
def _secret(openbao: OpenBao) -> None:
    write(openbao, "app/pg", {"password": CANARY})


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


def test_a_token_is_renewed_before_its_time_is_over(openbao: OpenBao) -> None:
    provider = VaultKv2(with_app_role(openbao, token_ttl="3s"))
    before = tokens(openbao)
    for _ in range(2):  # more than three seconds in all
        assert read(provider, REFERENCE) == Secret(CANARY)
        time.sleep(2.1)  # the token still lives: two thirds of its time are over
    assert read(provider, REFERENCE) == Secret(CANARY)
    assert len(tokens(openbao) - before) == 1


def test_a_token_that_lives_no_longer_is_followed_before_its_time_is_over(openbao: OpenBao) -> None:
    provider = VaultKv2(with_app_role(openbao, token_ttl="3s", token_max_ttl="3s"))
    assert read(provider, REFERENCE) == Secret(CANARY)
    first = tokens(openbao)
    time.sleep(2.1)
    assert read(provider, REFERENCE) == Secret(CANARY)
    assert len(tokens(openbao) - first) == 1


def test_a_token_that_is_not_ours_is_renewed_where_it_may_be(openbao: OpenBao) -> None:
    openbao.client.sys.create_or_update_policy("app", READ_APP)
    made = openbao.client.auth.token.create(policies=["app"], ttl="3s")["auth"]
    provider = VaultKv2(as_root(openbao, VAULT_TOKEN=made["client_token"]))
    for _ in range(2):
        assert read(provider, REFERENCE) == Secret(CANARY)
        time.sleep(2.1)
    assert read(provider, REFERENCE) == Secret(CANARY)
    provider.close()
    assert made["accessor"] in tokens(openbao)


def test_a_token_that_ends_in_mid_life_is_told(openbao: OpenBao) -> None:
    openbao.client.sys.create_or_update_policy("app", READ_APP)
    made = openbao.client.auth.token.create(policies=["app"], ttl="1s", renewable=False)["auth"]
    provider = VaultKv2(as_root(openbao, VAULT_TOKEN=made["client_token"]))
    assert read(provider, REFERENCE) == Secret(CANARY)
    time.sleep(1.1)
    with lasting(0, 1), pytest.raises(AccessDenied, match="the token is no longer valid"):
        read(provider, REFERENCE)


def test_a_token_that_may_not_be_asked_about_is_used(openbao: OpenBao) -> None:
    environ = with_policy(openbao, READ_APP, no_default_policy=True)
    assert read(VaultKv2(environ), REFERENCE) == Secret(CANARY)


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
    with pytest.raises(
        AccessDenied, match=r"approle login at auth/approle/login \(status 4"
    ) as caught:
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
        ({"VAULT_AUTH_USERNAME": "app"}, "VAULT_AUTH_PASSWORD is not set; .* by userpass needs"),
        ({"VAULT_AUTH_PASSWORD": CANARY}, "VAULT_AUTH_USERNAME is not set"),
        ({"VAULT_AUTH_METHOD": "ldap"}, "VAULT_AUTH_USERNAME is not set; .* by ldap needs"),
        ({"VAULT_AUTH_METHOD": "kubernetes"}, "VAULT_KUBERNETES_ROLE is not set"),
        ({"VAULT_AUTH_METHOD": CANARY}, "VAULT_AUTH_METHOD is none of token, approle, kub"),
    ],
    ids=[
        *("nothing", "blank", "half", "the other half", "user", "password"),
        *("ldap", "kubernetes", "unknown"),
    ],
)
def test_a_missing_credential_is_named(environ: dict[str, str], sentence: str) -> None:
    with pytest.raises(ProviderMisconfigured, match=sentence) as caught:
        read(VaultKv2({"VAULT_ADDR": "http://127.0.0.1:1"} | environ), REFERENCE)
    assert CANARY not in str(caught.value)

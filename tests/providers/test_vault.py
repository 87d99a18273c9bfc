"""KV 1 and KV 2 as a real server has them: paths, versions, numbers, refusals."""

import logging
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import quote

import pytest

from providers.api import Secret, Stage
from providers.errors import AccessDenied, KeyNotFound, SecretNotFound, SecretUnreadable
from providers.vault import VaultKv1, VaultKv2
from proxy.demo.openbao import OpenBao
from tests.providers.reading import PATIENCE, read
from tests.providers.vaults import READ_APP, as_root, with_policy, write
from tests.secrecy import CANARY, canary

NUMBERS = b'{"million": 1000000, "exponent": 1e6, "zero": 0.10, "long": 12345678901234567890123}'


@pytest.fixture
def kv1(openbao: OpenBao) -> VaultKv1:
    return VaultKv1(as_root(openbao))


@pytest.fixture
def kv2(openbao: OpenBao) -> VaultKv2:
    return VaultKv2(as_root(openbao))


def test_kv1_reads_the_path_as_it_is(openbao: OpenBao, kv1: VaultKv1) -> None:
    openbao.client.adapter.post("/v1/kv1/app/pg", json={"user": "app", "password": CANARY})
    assert read(kv1, "kv1/app/pg:user") == Secret("app")
    assert read(kv1, "/kv1/app/pg:password") == Secret(CANARY)
    assert kv1.fetch("kv1/app/pg", PATIENCE).version == ""


@pytest.mark.parametrize("name", ["a b", "a#b", "a%b", "a?b", "grüße", "a:b"])
def test_a_path_may_have_any_characters(openbao: OpenBao, kv1: VaultKv1, name: str) -> None:
    openbao.client.adapter.post(f"/v1/kv1/{quote(name)}", json={"password": CANARY})
    assert read(kv1, f"kv1/{name}:password") == Secret(CANARY)


def test_numbers_come_as_vault_has_them(openbao: OpenBao, kv1: VaultKv1, kv2: VaultKv2) -> None:
    openbao.client.adapter.post("/v1/kv1/numbers", data=NUMBERS)
    assert read(kv1, "kv1/numbers:million") == Secret("1000000")
    assert read(kv1, "kv1/numbers:exponent") == Secret("1e6")
    assert read(kv1, "kv1/numbers:zero") == Secret("0.10")
    assert read(kv1, "kv1/numbers:long") == Secret("12345678901234567890123")
    # KV 2 keeps numbers as floats by itself, and writes this one like every integer.
    openbao.client.adapter.post("/v1/secret/data/numbers", data=b'{"data": %s}' % NUMBERS)
    assert read(kv2, "numbers:million") == Secret("1000000")


@pytest.mark.parametrize(
    ("mount", "path", "reference"),
    [
        ("secret", "pg", "pg"),
        ("secret", "pg", "secret/data/pg"),
        ("secret", "app/prod/pg", "secret/data/app/prod/pg"),
        ("secret", "app/prod/pg", "secret/app/prod/pg"),
        ("secret", "app/prod/pg", "app/prod/pg"),  # no such mount: it is a name in secret/
        ("team/kv", "pg", "team/kv/pg"),
        ("team/kv", "prod/pg", "team/kv/prod/pg"),
        ("team/kv", "prod/pg", "team/kv/data/prod/pg"),
    ],
)
def test_kv2_finds_what_a_reference_names(
    openbao: OpenBao, kv2: VaultKv2, mount: str, path: str, reference: str
) -> None:
    password = canary(f" of {mount} {path}")
    write(openbao, path, {"password": password}, mount)
    assert read(kv2, f"{reference}:password") == Secret(password)


def test_kv2_reads_the_latest_version_or_the_pinned_one(openbao: OpenBao, kv2: VaultKv2) -> None:
    for number in (1, 2, 3):
        write(openbao, "versions", {"password": canary(str(number))})
    assert read(kv2, "versions:password") == Secret(canary("3"))
    assert read(kv2, "secret/data/versions?version=2:password") == Secret(canary("2"))
    assert read(kv2, "versions?version=1:password") == Secret(canary("1"))
    assert kv2.fetch("versions", PATIENCE).version == "3"
    assert kv2.fetch("versions?version=2", PATIENCE).version == "2"
    with pytest.raises(SecretNotFound, match="nothing at secret/data/versions"):
        read(kv2, "versions?version=4:password")


def test_kv2_keeps_the_version_before_the_current_one(openbao: OpenBao, kv2: VaultKv2) -> None:
    write(openbao, "rotated", {"password": canary("1")})
    with pytest.raises(SecretNotFound, match=r"data/rotated has no version before its version 1"):
        kv2.fetch("rotated", PATIENCE, Stage.PREVIOUS)
    write(openbao, "rotated", {"password": canary("2")})
    write(openbao, "rotated", {"password": canary("3")})
    found = kv2.fetch("secret/rotated", PATIENCE, Stage.PREVIOUS)
    assert (found.version, found.value("password")) == ("2", Secret(canary("2")))
    with pytest.raises(SecretNotFound, match=r"rotated\?version=3 is that version alone"):
        kv2.fetch("rotated?version=3", PATIENCE, Stage.PREVIOUS)


def test_kv2_goes_back_no_further_than_one_version(openbao: OpenBao, kv2: VaultKv2) -> None:
    versions = openbao.client.secrets.kv.v2
    for number in (1, 2, 3):
        write(openbao, "holes", {"password": canary(str(number))})
    versions.delete_secret_versions("holes", [2])
    with pytest.raises(SecretNotFound, match="version 2 was deleted"):
        kv2.fetch("holes", PATIENCE, Stage.PREVIOUS)
    versions.destroy_secret_versions("holes", [2])
    with pytest.raises(SecretNotFound, match="version 2 was destroyed"):
        kv2.fetch("holes", PATIENCE, Stage.PREVIOUS)
    versions.delete_latest_version_of_secret("holes")
    with pytest.raises(SecretNotFound, match="version 3 was deleted"):
        kv2.fetch("holes", PATIENCE, Stage.PREVIOUS)


def test_what_an_engine_does_not_keep_is_not_found(kv1: VaultKv1, kv2: VaultKv2) -> None:
    assert (kv1.stages, kv2.stages) == ((), (Stage.PREVIOUS,))
    with pytest.raises(SecretNotFound, match="no previous version of kv1/app/pg"):
        kv1.fetch("kv1/app/pg", PATIENCE, Stage.PREVIOUS)
    with pytest.raises(SecretNotFound, match="no pending version of pg"):
        kv2.fetch("pg", PATIENCE, Stage.PENDING)


def test_kv2_tells_a_deleted_version_from_one_that_never_was(
    openbao: OpenBao, kv2: VaultKv2
) -> None:
    versions = openbao.client.secrets.kv.v2
    for number in (1, 2):
        write(openbao, "deleted", {"password": canary(str(number))})
    versions.delete_latest_version_of_secret("deleted")
    with pytest.raises(SecretNotFound, match=r"deleted: version 2 was deleted at 20.* undelete"):
        read(kv2, "deleted:password")
    assert read(kv2, "deleted?version=1:password") == Secret(canary("1"))
    versions.destroy_secret_versions("deleted", [1])
    with pytest.raises(SecretNotFound, match="version 1 was destroyed; write a new one"):
        read(kv2, "deleted?version=1:password")


def test_what_is_missing_is_told_with_address_path_and_status(
    openbao: OpenBao, kv1: VaultKv1, kv2: VaultKv2
) -> None:
    with pytest.raises(SecretNotFound, match=rf"{openbao.address} .* kv1/none \(status 404"):
        read(kv1, "kv1/none:password")
    with pytest.raises(SecretNotFound, match=r"secret/data/none \(status 404"):
        read(kv2, "none:password")
    write(openbao, "some", {"user": "app"})
    with pytest.raises(KeyNotFound, match="its keys are: user"):
        read(kv2, "some:password")


def test_the_wrong_engine_is_told(openbao: OpenBao, kv1: VaultKv1, kv2: VaultKv2) -> None:
    openbao.client.adapter.post("/v1/kv1/data/pg", json={"password": CANARY})
    with pytest.raises(SecretUnreadable, match=r"kv1/ is not a KV 2 engine; .*_vaultkv1:kv1/pg"):
        read(kv2, "kv1/pg:password")
    with pytest.raises(SecretUnreadable, match="kv1/data/pg is not in a KV 2 engine"):
        read(kv2, "kv1/data/pg:password")
    write(openbao, "pg", {"password": CANARY})
    with pytest.raises(SecretNotFound, match="Invalid path for a versioned K/V secrets engine"):
        read(kv1, "secret/pg:password")


def test_a_policy_that_denies_is_told(openbao: OpenBao) -> None:
    write(openbao, "app/pg", {"password": CANARY})
    write(openbao, "other/pg", {"password": CANARY})
    provider = VaultKv2(with_policy(openbao, READ_APP))
    assert read(provider, "secret/app/pg:password") == Secret(CANARY)
    with pytest.raises(
        AccessDenied, match=r"secret/data/other/pg \(status 403: .*permission denied"
    ):
        read(provider, "secret/data/other/pg:password")


def test_where_a_mount_may_not_be_asked_for_the_name_is_one_in_secret(openbao: OpenBao) -> None:
    write(openbao, "app/pg", {"password": CANARY})
    write(openbao, "pg", {"password": canary(" of the team")}, "team/kv")
    provider = VaultKv2(with_policy(openbao, READ_APP))
    assert read(provider, "app/pg:password") == Secret(CANARY)
    with pytest.raises(AccessDenied, match="secret/data/team/kv/pg"):
        read(provider, "team/kv/pg:password")


def test_threads_share_one_provider(openbao: OpenBao, kv2: VaultKv2) -> None:
    passwords = [canary(str(number)) for number in range(8)]
    for number, password in enumerate(passwords):
        write(openbao, f"shared/{number}", {"password": password})
    references = [f"secret/shared/{number}:password" for number in range(8)] * 4
    with ThreadPoolExecutor(8) as threads:
        found = list(threads.map(lambda reference: read(kv2, reference), references))
    assert found == [Secret(password) for password in passwords] * 4


def test_logs_at_debug_show_neither_values_nor_tokens(
    openbao: OpenBao, kv2: VaultKv2, caplog: pytest.LogCaptureFixture
) -> None:
    write(openbao, "logged", {"password": CANARY})
    caplog.set_level(logging.DEBUG)
    read(kv2, "logged:password")
    assert "/v1/secret/data/logged" in caplog.text  # urllib3 does log, and only this
    assert CANARY not in caplog.text
    assert openbao.root_token not in caplog.text


def test_a_closed_provider_may_read_again(openbao: OpenBao, kv2: VaultKv2) -> None:
    write(openbao, "closed", {"password": CANARY})
    kv2.close()
    assert read(kv2, "closed:password") == Secret(CANARY)
    kv2.close()
    assert read(kv2, "closed:password") == Secret(CANARY)

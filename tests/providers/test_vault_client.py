"""Vault when it is away, busy, sealed, slow or somebody else: told, and within the deadline."""

import json
import ssl
import threading
from base64 import b64encode
from pathlib import Path

import pytest

from providers.api import Secret
from providers.errors import (
    AccessDenied,
    ProviderError,
    ProviderMisconfigured,
    ProviderUnavailable,
    SecretUnreadable,
)
from providers.json_secret import LARGEST
from providers.vault import VaultKv1, VaultKv2
from proxy.demo.openbao import OpenBao
from tests.providers.reading import lasting, read
from tests.providers.vaults import as_root, write
from tests.secrecy import CANARY
from tests.servers.authority import Authority
from tests.servers.misbehaving import OneAnswer, refusing_address, silent_listener

REFERENCE = "secret/data/pg:password"
ANSWER = json.dumps({"data": {"password": CANARY}}).encode()


def at(place: str, scheme: str = "http", **more: str) -> VaultKv1:
    return VaultKv1({"VAULT_ADDR": f"{scheme}://{place}", "VAULT_TOKEN": CANARY} | more)


def reads(server: OneAnswer) -> list[bytes]:
    """What was asked of it, questions about our own token aside."""
    return [request for request in server.requests if b" /v1/auth/" not in request]


# -- not now ---------------------------------------------------------------------------------


def test_an_address_that_refuses_is_told() -> None:
    with refusing_address() as place, lasting(0.1, 0.9):  # it was asked more than once
        provider = at(place)
        with pytest.raises(ProviderUnavailable, match=f"{place} cannot be reached: .*refused"):
            read(provider, REFERENCE, 0.5)


def test_a_name_that_is_unknown_is_told() -> None:
    with pytest.raises(ProviderUnavailable, match=r"vault\.invalid"), lasting(0, 0.9):
        read(at("vault.invalid"), REFERENCE, 0.5)


def test_a_server_that_is_silent_is_waited_for_until_the_deadline() -> None:
    with silent_listener() as place, lasting(0.4, 0.9):
        provider = at(place)
        with pytest.raises(ProviderUnavailable, match=place):
            read(provider, REFERENCE, 0.5)


@pytest.mark.parametrize("time", ["0.1", "0.1s", "100ms"])
def test_one_request_may_be_given_less_time_than_the_read(time: str) -> None:
    with silent_listener() as place, lasting(0.1, 0.9):
        provider = at(place, VAULT_HTTP_REQ_TIMEOUT=time)
        with pytest.raises(ProviderUnavailable, match="timed out"):
            read(provider, REFERENCE, 0.6)


def test_a_server_that_drips_is_left_at_the_deadline() -> None:
    with OneAnswer("200 OK", ANSWER, drip=0.05) as server, lasting(0.4, 0.9):
        provider = at(server.place)
        with pytest.raises(ProviderUnavailable, match=r"no answer within 0\.5 seconds"):
            read(provider, REFERENCE, 0.5)


@pytest.mark.parametrize("status", ["412 x", "429 x", "473 x", "500 x", "502 x", "503 x"])
def test_a_busy_server_is_asked_again_until_the_deadline(status: str) -> None:
    with OneAnswer(status, b'{"errors": ["one", "two"]}') as server:
        provider = at(server.place)
        with pytest.raises(ProviderUnavailable, match=f"answered {status[:3]}: one; two"):
            read(provider, REFERENCE, 0.6)
        assert len(server.requests) > 1


@pytest.mark.parametrize("status", ["400 x", "403 x", "404 x", "405 x"])
def test_a_refusal_is_not_asked_for_again(status: str) -> None:
    with OneAnswer(status) as server:
        provider = at(server.place)
        with pytest.raises(ProviderError, match=f"status {status[:3]}") as caught:
            read(provider, REFERENCE, 0.6)
        assert len(reads(server)) == 1
    assert not caught.value.retryable


def test_a_rate_limit_is_waited_out(own_openbao: OpenBao) -> None:
    write(own_openbao, "pg", {"password": CANARY})
    limit = {"rate": 1, "interval": "1s", "path": "secret/"}
    own_openbao.client.write_data("sys/quotas/rate-limit/one", data=limit)
    provider = VaultKv2(as_root(own_openbao))
    with lasting(0.5, 5):
        assert [read(provider, REFERENCE) for _ in range(2)] == [Secret(CANARY)] * 2


def test_a_sealed_server_is_told_and_used_once_it_is_open(own_openbao: OpenBao) -> None:
    write(own_openbao, "pg", {"password": CANARY})
    provider = VaultKv2(as_root(own_openbao))
    own_openbao.client.sys.seal()
    with pytest.raises(ProviderUnavailable, match=r"answered 503: .*sealed"):
        read(provider, REFERENCE, 0.5)
    opening = threading.Timer(0.4, own_openbao.unseal)
    opening.start()
    with lasting(0.4, 5):
        assert read(provider, REFERENCE) == Secret(CANARY)
    opening.join()


def test_a_restart_is_noticed_by_a_read_and_by_nobody_else(own_openbao: OpenBao) -> None:
    provider = VaultKv2(as_root(own_openbao))
    write(own_openbao, "pg", {"password": CANARY})
    assert read(provider, REFERENCE) == Secret(CANARY)
    own_openbao.stop()
    with pytest.raises(ProviderUnavailable, match="refused"):
        read(provider, REFERENCE, 0.3)
    own_openbao.start()
    write(own_openbao, "pg", {"password": CANARY})
    assert read(provider, REFERENCE) == Secret(CANARY)


# -- somebody else ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "body",
    [b"<html>It works!</html>", ANSWER[:-5], b"[]", b"\xff\xfe"],
    ids=["HTML", "cut short", "a list", "binary"],
)
def test_what_is_not_vault_is_told(body: bytes) -> None:
    with OneAnswer("200 OK", body) as server, lasting(0, 1):
        provider = at(server.place)
        with pytest.raises(
            ProviderMisconfigured, match=r"status 200: what came is not a JSON.* check VAULT_ADDR"
        ):
            read(provider, REFERENCE)


def test_an_answer_without_end_is_not_read_to_its_end() -> None:
    with OneAnswer("200 OK", b" " * (LARGEST + 1)) as server:
        provider = at(server.place)
        with pytest.raises(SecretUnreadable, match=f"larger than {LARGEST} bytes"):
            read(provider, REFERENCE)


def test_an_error_that_repeats_the_token_is_told_without_it() -> None:
    body = json.dumps({"errors": [f"bad token {CANARY}"]}).encode()
    with OneAnswer("403 Forbidden", body) as server:
        provider = at(server.place)
        with pytest.raises(AccessDenied, match=r"bad token \*\*\*") as caught:
            read(provider, REFERENCE)
    assert CANARY not in str(caught.value)


def test_the_namespace_and_the_token_travel_in_headers() -> None:
    with OneAnswer("200 OK", ANSWER) as server:
        assert read(at(server.place, VAULT_NAMESPACE="team"), REFERENCE) == Secret(CANARY)
    (head,) = (request.decode() for request in reads(server))
    assert (head.startswith("GET /v1/secret/data/pg HTTP/1.1\r\n")) is True
    assert ("X-Vault-Namespace: team\r\n" in head) is True
    assert (f"X-Vault-Token: {CANARY}\r\n" in head) is True


def test_requests_own_files_and_variables_have_no_say(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    logins = tmp_path / "netrc"
    logins.write_text("machine 127.0.0.1 login somebody password else\n")
    monkeypatch.setenv("NETRC", str(logins))
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    with OneAnswer("200 OK", ANSWER) as server:
        assert read(at(server.place), REFERENCE) == Secret(CANARY)
    assert b"Authorization" not in server.requests[0]


def test_a_standby_node_leads_to_the_active_one(openbao: OpenBao) -> None:
    write(openbao, "pg", {"password": CANARY})
    location = f"Location: {openbao.address}/v1/secret/data/pg\r\n"
    with OneAnswer("307 Temporary Redirect", headers=location) as standby:
        environ = as_root(openbao, VAULT_ADDR=f"http://{standby.place}")
        assert read(VaultKv2(environ), REFERENCE) == Secret(CANARY)


# -- TLS -------------------------------------------------------------------------------------


@pytest.fixture
def tls_secret(openbao_tls: OpenBao) -> dict[str, str]:
    write(openbao_tls, "pg", {"password": CANARY})
    return as_root(openbao_tls)


@pytest.mark.parametrize("form", ["{path}", "file://{path}", "base64://{base64}"])
def test_the_certificate_s_authority_is_known_in_three_forms(
    tls_secret: dict[str, str], authority: Authority, form: str
) -> None:
    base64 = b64encode(authority.pem.encode()).decode()
    cacert = form.format(path=authority.path, base64=base64)
    assert read(VaultKv2(tls_secret | {"VAULT_CACERT": cacert}), REFERENCE) == Secret(CANARY)


@pytest.mark.parametrize("known", ["the system's", "another"])
def test_a_certificate_of_somebody_else_is_refused_at_once(
    tls_secret: dict[str, str], tmp_path: Path, known: str
) -> None:
    cacert = str(Authority(tmp_path).path) if known == "another" else ""
    with lasting(0, 2), pytest.raises(ProviderMisconfigured, match=r"not trusted.*VAULT_CACERT"):
        read(VaultKv2(tls_secret | {"VAULT_CACERT": cacert}), REFERENCE)


def test_a_certificate_of_another_host_is_refused(authority: Authority, tmp_path: Path) -> None:
    with OneAnswer("200 OK", ANSWER, tls=_server(authority, tmp_path, "192.0.2.1")) as server:
        provider = at(server.place, "https", VAULT_CACERT=str(authority.path))
        with pytest.raises(ProviderMisconfigured, match=r"not trusted .*127\.0\.0\.1"):
            read(provider, REFERENCE)
        assert server.requests == []


def test_nobody_leads_from_tls_to_plain_text(authority: Authority, tmp_path: Path) -> None:
    tls = _server(authority, tmp_path, "127.0.0.1")
    with OneAnswer("200 OK", ANSWER) as plain:
        location = f"Location: http://{plain.place}/v1/secret/data/pg\r\n"
        with OneAnswer("307 Temporary Redirect", headers=location, tls=tls) as server:
            provider = at(server.place, "https", VAULT_CACERT=str(authority.path))
            with pytest.raises(ProviderMisconfigured, match="status 307"):
                read(provider, REFERENCE)
        assert plain.requests == []


def _server(authority: Authority, directory: Path, name: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*authority.issue("server", name).save(directory, "server"))
    return context

"""Logins at the real server: by password, by a service account's token, and the one that is chosen.

The server is built without LDAP. That login differs from userpass by its name alone, so a userpass
mount stands at ldap/. Where Kubernetes would be asked about a token, a stand-in vouches for it.
"""

import json
import time
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key

from providers.api import Secret
from providers.errors import AccessDenied, ProviderMisconfigured
from providers.vault import VaultKv2
from proxy.demo.openbao import OpenBao
from tests.providers.reading import read
from tests.providers.vaults import READ_APP, tokens, with_app_role, write
from tests.secrecy import CANARY, canary
from tests.servers.authority import Authority
from tests.servers.misbehaving import OneAnswer

REFERENCE = "secret/data/app/pg:password"
ACCOUNT = "system:serviceaccount:apps:keyless"
AUDIENCE = "vault"


@pytest.fixture(scope="module")
def key() -> RSAPrivateKey:
    """What Kubernetes would sign service accounts' tokens with."""
    return generate_private_key(65537, 2048)


@pytest.fixture(scope="module")
def vouching(key: RSAPrivateKey) -> Iterator[str]:
    """In the place of Kubernetes' API: whoever asks about a token is told that it is the account's.
    Yields its address."""
    user = {"username": ACCOUNT, "uid": "1"}
    status = {"authenticated": True, "audiences": [AUDIENCE], "user": user}
    review = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview", "status": status}
    headers = "Content-Type: application/json\r\n"
    with OneAnswer("201 Created", json.dumps(review).encode(), headers=headers) as server:
        yield f"http://{server.place}"


@pytest.fixture(scope="module")
def vault(openbao: OpenBao, authority: Authority, key: RSAPrivateKey, vouching: str) -> OpenBao:
    client = openbao.client
    client.sys.create_or_update_policy("app", READ_APP)
    for method, path in (
        *(("userpass", "userpass"), ("userpass", "ldap"), ("userpass", "team/people")),
        *(("kubernetes", "kubernetes"), ("jwt", "jwt")),
    ):
        client.sys.enable_auth_method(method, path=path)
    for mount in ("userpass", "ldap", "team/people"):
        user = {"password": canary(f" at {mount}"), "token_policies": "app"}
        client.write_data(f"auth/{mount}/users/alice", data=user)
    role = {"token_policies": "app", "bound_service_account_names": "keyless"}
    role |= {"bound_service_account_namespaces": "apps", "audience": AUDIENCE}
    client.write_data("auth/kubernetes/role/keyless", data=role)
    kubernetes = {"kubernetes_host": vouching, "kubernetes_ca_cert": authority.pem}
    client.write_data("auth/kubernetes/config", data=kubernetes | {"disable_local_ca_jwt": True})
    client.write_data("auth/jwt/config", data={"jwt_validation_pubkeys": [_public(key)]})
    role = {"token_policies": "app", "role_type": "jwt", "user_claim": "sub"}
    role |= {"bound_subject": ACCOUNT, "bound_audiences": AUDIENCE}
    client.write_data("auth/jwt/role/keyless", data=role)
    write(openbao, "app/pg", {"password": CANARY})
    return openbao


def at(server: OpenBao, **settings: str) -> VaultKv2:
    return VaultKv2({"VAULT_ADDR": server.address} | settings)


def alice(mount: str, password: str = "") -> dict[str, str]:
    password = password or canary(f" at {mount}")
    return {"VAULT_AUTH_USERNAME": "alice", "VAULT_AUTH_PASSWORD": password}


def service_account_token(key: RSAPrivateKey, life: float = 600) -> str:
    now = int(time.time())
    account = {"namespace": "apps", "serviceaccount": {"name": "keyless", "uid": "1"}}
    claims = {"sub": ACCOUNT, "aud": [AUDIENCE], "iat": now, "exp": now + int(life)}
    claims |= {"kubernetes.io": account, "jti": CANARY}
    signed = ".".join(_base64(json.dumps(part)) for part in ({"alg": "RS256"}, claims))
    return f"{signed}.{_base64(key.sign(signed.encode(), PKCS1v15(), hashes.SHA256()))}"


def _base64(part: str | bytes) -> str:
    raw = part.encode() if isinstance(part, str) else part
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


def _public(key: RSAPrivateKey) -> str:
    form = serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    return key.public_key().public_bytes(*form).decode()


def test_a_password_logs_in_by_userpass(vault: OpenBao) -> None:
    assert read(at(vault, **alice("userpass")), REFERENCE) == Secret(CANARY)


def test_a_password_logs_in_where_ldap_is_asked_for(vault: OpenBao) -> None:
    provider = at(vault, VAULT_AUTH_METHOD="ldap", **alice("ldap"))
    assert read(provider, REFERENCE) == Secret(CANARY)


@pytest.mark.parametrize("mount", ["team/people", "/team/people/"])
def test_a_method_may_be_mounted_elsewhere(vault: OpenBao, mount: str) -> None:
    provider = at(vault, VAULT_AUTH_MOUNT=mount, **alice("team/people"))
    assert read(provider, REFERENCE) == Secret(CANARY)


def test_a_wrong_password_is_told_without_it(vault: OpenBao) -> None:
    provider = at(vault, **alice("userpass", canary(" of nobody")))
    with pytest.raises(
        AccessDenied, match=r"userpass login at auth/userpass/login/alice \(status 400: invalid"
    ) as caught:
        read(provider, REFERENCE)
    assert "check VAULT_AUTH_USERNAME and VAULT_AUTH_PASSWORD" in str(caught.value)
    assert CANARY not in str(caught.value)


def test_a_mount_that_is_not_there_is_told(vault: OpenBao) -> None:
    provider = at(vault, VAULT_AUTH_MOUNT="none", **alice("userpass"))
    with pytest.raises(AccessDenied, match=r"at auth/none/login/alice .* that .* is mounted there"):
        read(provider, REFERENCE)


@pytest.mark.parametrize("settings", [{}, {"VAULT_AUTH_MOUNT": "jwt"}], ids=["kubernetes", "jwt"])
def test_a_service_account_s_token_logs_in(
    vault: OpenBao, key: RSAPrivateKey, tmp_path: Path, settings: dict[str, str]
) -> None:
    file = tmp_path / "token"
    file.write_text(service_account_token(key) + "\n")
    settings |= {"VAULT_KUBERNETES_ROLE": "keyless", "VAULT_KUBERNETES_TOKEN_PATH": str(file)}
    assert read(at(vault, **settings), REFERENCE) == Secret(CANARY)


def test_a_service_account_s_token_is_read_anew_at_each_login(
    vault: OpenBao, key: RSAPrivateKey, tmp_path: Path
) -> None:
    file = tmp_path / "token"
    file.write_text(expired := service_account_token(key, -600))
    settings = {"VAULT_KUBERNETES_ROLE": "keyless", "VAULT_KUBERNETES_TOKEN_PATH": str(file)}
    provider = at(vault, VAULT_AUTH_MOUNT="jwt", **settings)
    with pytest.raises(AccessDenied, match=r"auth/jwt/login \(status 4.*expired") as caught:
        read(provider, REFERENCE)
    assert expired not in str(caught.value)
    file.write_text(service_account_token(key))
    assert read(provider, REFERENCE) == Secret(CANARY)


@pytest.mark.parametrize(
    ("content", "reason"),
    [(None, "No such file"), (b"\n", "it is empty"), (b"\xff", "it is not text")],
    ids=["missing", "empty", "binary"],
)
def test_a_service_account_s_token_that_cannot_be_read_is_told(
    tmp_path: Path, content: bytes | None, reason: str
) -> None:
    file = tmp_path / "token"
    if content is not None:
        file.write_bytes(content)
    settings = {"VAULT_KUBERNETES_ROLE": "keyless", "VAULT_KUBERNETES_TOKEN_PATH": str(file)}
    provider = VaultKv2({"VAULT_ADDR": "http://127.0.0.1:1"} | settings)
    with pytest.raises(
        ProviderMisconfigured, match=f"read from {file}: {reason}.* VAULT_KUBERNETES_TOKEN_PATH"
    ):
        read(provider, REFERENCE)


def test_the_method_that_is_asked_for_goes_before_all_others(vault: OpenBao) -> None:
    settings = with_app_role(vault) | alice("userpass") | {"VAULT_TOKEN": CANARY}
    before = tokens(vault)
    for method in ("userpass", "AppRole"):
        provider = VaultKv2(settings | {"VAULT_AUTH_METHOD": method})
        assert read(provider, REFERENCE) == Secret(CANARY)
    lookup = vault.client.auth.token.lookup_accessor
    made = {lookup(accessor)["data"]["path"] for accessor in tokens(vault) - before}
    assert made == {"auth/userpass/login/alice", "auth/approle/login"}


@pytest.mark.parametrize(
    "body", [b"<html>", b'{"auth": null}', b'{"auth": {"client_token": ""}}', b'{"auth": []}']
)
def test_an_answer_without_a_token_is_told(body: bytes) -> None:
    with OneAnswer("200 OK", body) as server:
        provider = VaultKv2({"VAULT_ADDR": f"http://{server.place}"} | alice("userpass"))
        with pytest.raises(ProviderMisconfigured, match=r"gave no token at .* check VAULT_ADDR"):
            read(provider, REFERENCE)

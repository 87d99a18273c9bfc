"""What the tests of Vault have in common: a provider's settings, and who may do what."""

from collections.abc import Mapping

from proxy.demo.openbao import OpenBao

READ_APP = 'path "secret/data/app/*" { capabilities = ["read"] }'


def as_root(server: OpenBao, **more: str) -> dict[str, str]:
    return {"VAULT_ADDR": server.address, "VAULT_TOKEN": server.root_token} | more


def with_policy(server: OpenBao, policy: str, *, no_default_policy: bool = False) -> dict[str, str]:
    """A token that may do what `policy` says, and what every token may."""
    client = server.client
    client.sys.create_or_update_policy("app", policy)
    made = client.auth.token.create(policies=["app"], no_default_policy=no_default_policy)
    token = made["auth"]["client_token"]
    return {"VAULT_ADDR": server.address, "VAULT_TOKEN": token}


def with_app_role(
    server: OpenBao, token_ttl: str = "1h", policy: str = READ_APP, token_max_ttl: str = "1d"
) -> dict[str, str]:
    """An AppRole whose tokens live for `token_ttl` and may do what `policy` says."""
    client = server.client
    client.sys.create_or_update_policy("app", policy)
    roles = client.auth.approle
    roles.create_or_update_approle(
        "app", token_policies=["app"], token_ttl=token_ttl, token_max_ttl=token_max_ttl
    )
    return {
        "VAULT_ADDR": server.address,
        "VAULT_APP_ROLE_ID": roles.read_role_id("app")["data"]["role_id"],
        "VAULT_APP_ROLE_SECRET_ID": roles.generate_secret_id("app")["data"]["secret_id"],
    }


def tokens(server: OpenBao) -> set[str]:
    """The accessors of all tokens that Vault holds."""
    return set(server.client.auth.token.list_accessors()["data"]["keys"])


def write(server: OpenBao, path: str, fields: Mapping[str, str], mount: str = "secret") -> None:
    """A new version in KV 2."""
    server.client.secrets.kv.v2.create_or_update_secret(path, dict(fields), mount_point=mount)

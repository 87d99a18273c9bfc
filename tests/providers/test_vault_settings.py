"""Vault's settings: nothing is needed before the first read, and what is wrong then is named."""

from base64 import b64encode

import pytest

from providers.errors import ProviderMisconfigured
from providers.vault import VaultKv1
from tests.providers.reading import read
from tests.secrecy import CANARY

NEEDED = {"VAULT_ADDR": "http://127.0.0.1:1", "VAULT_TOKEN": CANARY}


def test_the_process_s_own_environment_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in NEEDED.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(ProviderMisconfigured, match="VAULT_ADDR is not set; set it to Vault's"):
        read(VaultKv1({}), "kv/pg:password")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("VAULT_ADDR", "vault.internal:8200"),
        ("VAULT_ADDR", "unix:///run/vault"),
        ("VAULT_ADDR", "https://"),
        ("VAULT_ADDR", "https://vault:eight"),
        ("VAULT_ADDR", "https://[vault"),
        ("VAULT_ADDR", f"https://me:{CANARY}@vault.internal"),
        ("VAULT_ADDR", f"https://vault.internal?token={CANARY}"),
        ("VAULT_TOKEN", f"{CANARY}\nX-Other: header"),
        ("VAULT_TOKEN", f"{CANARY}\N{EURO SIGN}"),
        ("VAULT_NAMESPACE", f"team\r{CANARY}"),
        ("VAULT_HTTP_REQ_TIMEOUT", "soon"),
        ("VAULT_HTTP_REQ_TIMEOUT", "0"),
        ("VAULT_HTTP_REQ_TIMEOUT", "-1"),
        ("VAULT_HTTP_REQ_TIMEOUT", "inf"),
        ("VAULT_HTTP_REQ_TIMEOUT", "nan"),
        ("VAULT_HTTP_REQ_TIMEOUT", "5 days"),
        ("VAULT_CACERT", "/no/such/file"),
        ("VAULT_CACERT", "file:///no/such/file"),
        ("VAULT_CACERT", "/"),
        ("VAULT_CACERT", "base64://%%%"),
        ("VAULT_CACERT", "base64://" + b64encode(b"\xff\xfe").decode()),
        ("VAULT_CACERT", "base64://" + b64encode(CANARY.encode()).decode()),
        ("VAULT_CACERT", "base64://"),
    ],
    ids=lambda text: text if CANARY not in text and text.isascii() and len(text) < 30 else "value",
)
def test_a_wrong_setting_is_named_and_not_repeated(name: str, value: str) -> None:
    with pytest.raises(ProviderMisconfigured, match=name) as caught:
        read(VaultKv1(NEEDED | {name: value}), "kv/pg:password")
    assert CANARY not in str(caught.value)


def test_a_wrong_setting_may_be_corrected_without_starting_anew() -> None:
    environ: dict[str, str] = {}
    provider = VaultKv1(environ)
    with pytest.raises(ProviderMisconfigured, match="VAULT_ADDR"):
        read(provider, "kv/pg:password")
    environ["VAULT_ADDR"] = NEEDED["VAULT_ADDR"]
    with pytest.raises(ProviderMisconfigured, match="VAULT_TOKEN"):
        read(provider, "kv/pg:password")

"""Secrets in the proxy's environment."""

import json

import pytest

from providers.api import Secret
from providers.env_json import EnvJson
from providers.errors import KeyNotFound, SecretNotFound, SecretUnreadable
from tests.providers.reading import read
from tests.secrecy import CANARY, canary


def test_a_key_of_the_variable_is_read() -> None:
    fields = {"user": canary(" user"), "password": CANARY}
    provider = EnvJson({"PROD_PG": json.dumps(fields)})
    assert read(provider, "PROD_PG:user") == Secret(canary(" user"))
    assert read(provider, "PROD_PG:password") == Secret(CANARY)


def test_every_read_is_anew() -> None:
    environ = {"PROD_PG": json.dumps({"password": CANARY})}
    provider = EnvJson(environ)
    assert read(provider, "PROD_PG:password") == Secret(CANARY)
    environ["PROD_PG"] = json.dumps({"password": canary("2")})
    assert read(provider, "PROD_PG:password") == Secret(canary("2"))


def test_a_variable_that_is_not_set_is_named() -> None:
    with pytest.raises(SecretNotFound, match="PROD_PG is not set; set it to a JSON object"):
        read(EnvJson({}), "PROD_PG:password")


def test_a_variable_that_holds_something_else_is_named_and_not_repeated() -> None:
    with pytest.raises(SecretUnreadable, match=r"PROD_PG cannot be used: .* not JSON") as caught:
        read(EnvJson({"PROD_PG": CANARY}), "PROD_PG:password")
    assert CANARY not in str(caught.value)


def test_a_missing_key_is_told() -> None:
    with pytest.raises(KeyNotFound, match="its keys are: password"):
        read(EnvJson({"PROD_PG": json.dumps({"password": CANARY})}), "PROD_PG:user")

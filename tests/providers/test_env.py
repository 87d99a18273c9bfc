"""Whole variables of the proxy's environment."""

import os

import pytest

from providers.api import Secret
from providers.env import Env
from providers.errors import SecretNotFound, SecretUnreadable
from tests.providers.reading import read
from tests.secrecy import CANARY, canary


@pytest.mark.parametrize(
    "value",
    [CANARY, f' {{"a": "{CANARY}"}} \n', "1000000", ""],
    ids=["text", "json", "number", "empty"],
)
def test_the_whole_value_is_read_as_it_is(value: str) -> None:
    assert read(Env({"PG_PASSWORD": value}), "PG_PASSWORD") == Secret(value)


def test_every_read_is_anew() -> None:
    environ = {"PG_PASSWORD": CANARY}
    provider = Env(environ)
    assert read(provider, "PG_PASSWORD") == Secret(CANARY)
    environ["PG_PASSWORD"] = canary("2")
    assert read(provider, "PG_PASSWORD") == Secret(canary("2"))


def test_a_variable_that_is_not_set_is_named() -> None:
    with pytest.raises(SecretNotFound, match="variable PG_PASSWORD is not set; set it where"):
        read(Env({}), "PG_PASSWORD")


def test_a_binary_value_is_told_and_not_repeated() -> None:
    binary = os.fsdecode(CANARY.encode() + b"\xff")
    with pytest.raises(SecretUnreadable, match="variable PG_PASSWORD is binary") as caught:
        read(Env({"PG_PASSWORD": binary}), "PG_PASSWORD")
    assert CANARY not in str(caught.value)
    assert caught.value.__context__ is None


@pytest.mark.parametrize("text", ["", "PG_PASSWORD:", "PG:password", "a:b:c"])
def test_a_key_is_refused_at_load_with_where_keys_belong(text: str) -> None:
    with pytest.raises(ValueError, match=r"_env:NAME .*_envjson:NAME:KEY"):
        Env.split(text)

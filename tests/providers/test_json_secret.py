"""JSON becomes secrets here and nowhere else: numbers as written, the unusable named."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.api import Secret, SecretVersion
from providers.errors import KeyNotFound, SecretUnreadable
from providers.json_secret import LARGEST, keys_of
from providers.keys import NoKeys
from tests.secrecy import CANARY

WRITTEN = ["0", "-1", "1000000", "1e6", "1E+06", "0.10", "12345678901234567890123", "3.14e-400"]


@pytest.mark.parametrize("number", WRITTEN)
def test_a_number_is_handed_on_as_written(number: str) -> None:
    assert keys_of(f'{{"pin": {number}}}')["pin"] == Secret(number)


@given(st.dictionaries(st.text(), st.text(st.characters(codec="utf-8"))))
def test_text_survives_any_way_of_writing_json(fields: dict[str, str]) -> None:
    for text in (json.dumps(fields), json.dumps(fields, ensure_ascii=False, indent=2)):
        assert dict(keys_of(text)) == {key: Secret(value) for key, value in fields.items()}


@pytest.mark.parametrize(
    ("value", "what"),
    [
        ("true", "true or false"),
        ("null", "null"),
        (f'["{CANARY}"]', "a list"),
        (f'{{"inner": "{CANARY}"}}', "an object"),
        (f'"{CANARY}\\ud83d"', "text that is not valid Unicode"),
    ],
    ids=["bool", "null", "list", "object", "surrogate"],
)
def test_a_key_that_holds_no_text_is_refused_alone_and_by_name(value: str, what: str) -> None:
    version = SecretVersion(keys_of(f'{{"bad": {value}, "good": "{CANARY}"}}'))
    assert version.value("good") == Secret(CANARY)
    with pytest.raises(SecretUnreadable, match=f"key 'bad' holds {what}; .* needs text") as caught:
        version.value("bad")
    assert CANARY not in str(caught.value)
    with pytest.raises(KeyNotFound, match="its keys are: good"):
        version.value("other")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (CANARY, "is not JSON"),
        ("", "is not JSON"),
        (f'{{"password": "{CANARY}"', "is not JSON"),
        (f'{{"password": "{CANARY}", "pin": NaN}}', "is not JSON"),
        ("[" * 100_000, "is not JSON"),
        (f'["{CANARY}"]', "not an object"),
        (f'"{CANARY}"', "not an object"),
        ("17", "not an object"),
        (f'{{"password": "{CANARY * (LARGEST // len(CANARY))}"}}', f"larger than {LARGEST} bytes"),
    ],
    ids=["text", "empty", "cut", "nan", "deep", "list", "string", "number", "large"],
)
def test_what_is_no_object_is_refused_without_repeating_it(text: str, sentence: str) -> None:
    with pytest.raises(SecretUnreadable, match=sentence) as caught:
        keys_of(text)
    assert CANARY not in str(caught.value)
    # Somebody's log of the whole chain would show what an exception that comes along holds.
    assert caught.value.__context__ is None


def test_a_secret_without_keys_says_why() -> None:
    version = SecretVersion(NoKeys("the secret is not JSON"), Secret(CANARY))
    assert version.value(None) == Secret(CANARY)
    with pytest.raises(SecretUnreadable, match="is not JSON"):
        version.value("password")

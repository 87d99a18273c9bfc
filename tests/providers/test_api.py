"""A Secret shows itself nowhere, and a SecretVersion gives whole answers."""

import copy
import json
import logging
import pickle
import pprint
import traceback
from collections.abc import Callable
from dataclasses import asdict, dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.api import Secret, SecretVersion
from providers.errors import KeyNotFound
from tests.secrecy import CANARY


@dataclass
class Holder:
    secret: Secret


def _in_a_traceback(secret: Secret) -> str:
    try:
        raise ValueError(secret)
    except ValueError as error:
        return "".join(traceback.format_exception(error))


SHOWS: list[Callable[[Secret], str]] = [
    repr,
    str,
    ascii,
    format,
    pprint.pformat,
    _in_a_traceback,
    lambda secret: f"{secret}",
    lambda secret: f"{secret!r}",
    lambda secret: f"{secret:>40}",
    lambda secret: f"{secret:s}",
    lambda secret: "%s" % secret,  # noqa: UP031
    lambda secret: "%r" % (secret,),  # noqa: UP031
    "{0} {0!r}".format,
    lambda secret: repr([secret, {"PASS": secret}]),
    lambda secret: repr(Holder(secret)),
    lambda secret: repr(SecretVersion({"password": secret}, secret)),
    lambda secret: repr(ValueError(secret)),
    lambda secret: str(ValueError(secret, "refused")),
    lambda secret: json.dumps({"PASS": secret}, default=str),
]


@given(st.text())
def test_nothing_that_makes_text_of_a_secret_shows_it(tail: str) -> None:
    for show in SHOWS:
        assert CANARY not in show(Secret(CANARY + tail))


LEAVES: list[Callable[[Secret], object]] = [
    pickle.dumps,
    copy.copy,
    copy.deepcopy,
    json.dumps,
    vars,
    lambda secret: pickle.dumps(secret, protocol=0),
    lambda secret: asdict(Holder(secret)),
    lambda secret: pickle.dumps(SecretVersion({}, secret)),
]


@pytest.mark.parametrize("leave", LEAVES)
def test_a_secret_does_not_let_itself_be_copied_out(leave: Callable[[Secret], object]) -> None:
    with pytest.raises(TypeError) as caught:
        leave(Secret(CANARY))
    assert CANARY not in str(caught.value)


def test_a_log_shows_no_secret(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    secret = Secret(CANARY)
    logging.getLogger("test").debug("as %s, as %r, in %s", secret, secret, [secret])
    assert CANARY not in caplog.text
    assert caplog.text.count("Secret(***)") == 3


def test_it_is_revealed_to_who_asks_for_it() -> None:
    assert Secret("grüße \N{KEY}").reveal() == "grüße \N{KEY}"


@given(st.text(st.characters(codec="utf-8")), st.text(st.characters(codec="utf-8")))
def test_secrets_are_equal_where_their_values_are(one: str, other: str) -> None:
    assert (Secret(one) == Secret(other)) == (one == other)
    assert Secret(one) == Secret(one)
    assert hash(Secret(one)) == hash(Secret(one))
    assert Secret(one) != one


def test_a_version_gives_a_key_or_the_whole() -> None:
    version = SecretVersion({"user": Secret("app")}, Secret('{"user": "app"}'), "7")
    assert version.value("user") == Secret("app")
    assert version.value(None) == Secret('{"user": "app"}')


def test_a_missing_key_is_told_with_those_that_exist() -> None:
    version = SecretVersion({"user": Secret(CANARY), "password": Secret(CANARY)})
    with pytest.raises(KeyNotFound, match="no key 'passwort'; its keys are: password, user"):
        version.value("passwort")
    with pytest.raises(KeyNotFound, match="must name one of them: password, user"):
        version.value(None)


def test_a_text_is_told_without_the_secret_in_it() -> None:
    secret = Secret("s3cret")
    assert secret.scrub('role "s3cret" and s3cret again') == 'role "***" and *** again'
    assert secret.scrub("nothing of it: s3cre") == "nothing of it: s3cre"
    for short in ("", "a", "ab"):
        assert Secret(short).scrub("about a cab") == "about a cab"

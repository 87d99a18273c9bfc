"""Limits: what is too much is refused with a word, and what was there before goes on."""

import time

import pytest

from proxy.demo.postgres import EmbeddedPostgres
from tests.end_to_end.conftest import StartKeyless
from tests.end_to_end.gate import Gate
from tests.keyless import role
from tests.waiting import eventually
from tests.wire import Refused, Wire, refusal


def test_more_sessions_than_the_limit(
    start_keyless: StartKeyless, latest_postgres: EmbeddedPostgres
) -> None:
    keyless = start_keyless("[limits]\nsessions = 2\n" + role("app", latest_postgres))
    place = keyless.places["app"]
    with Wire(place).log_in("app") as first, Wire(place).log_in("app"):
        refused = refusal(place, "app")
        assert refused.code == "53300"
        assert refused.sentence == "all 2 sessions are taken; try again later"
        assert first.query("SELECT 1") == [b"1"]
    eventually(lambda: len(keyless.audit_path.read_text().split('"session.end"')) == 3)
    with Wire(place).log_in("app") as again:
        assert again.query("SELECT 1") == [b"1"]


def test_a_client_that_says_nothing_is_timed_out_while_others_are_served(
    start_keyless: StartKeyless, latest_postgres: EmbeddedPostgres
) -> None:
    keyless = start_keyless("[timeouts]\nclient = 1\n" + role("app", latest_postgres))
    place = keyless.places["app"]
    begun = time.monotonic()
    with Wire(place) as silent:
        with Wire(place).log_in("app") as other:
            assert other.query("SELECT 1") == [b"1"]
        with pytest.raises(Refused, match="08P01 the client did not finish its startup within 1 s"):
            silent.receive()
        assert silent.is_closed()
    assert 0.9 < time.monotonic() - begun < 5
    assert "the client did not finish its startup within 1 s" in keyless.log


def test_a_client_is_not_blamed_for_a_slow_upstream(
    start_keyless: StartKeyless, latest_postgres: EmbeddedPostgres
) -> None:
    """Each side has its own time; the client's stands still while it is waiting itself."""
    with Gate(latest_postgres.port, lambda _: time.sleep(1)) as gate:
        keyless = start_keyless("[timeouts]\nclient = 0.5\n" + role("app", gate.port))
        with Wire(keyless.places["app"]).log_in("app") as client:
            assert client.query("SELECT 1") == [b"1"]


def test_upstream_has_a_time_of_its_own(
    start_keyless: StartKeyless, latest_postgres: EmbeddedPostgres
) -> None:
    with Gate(latest_postgres.port, lambda _: time.sleep(1)) as gate:
        keyless = start_keyless("[timeouts]\nupstream = 0.3\n" + role("app", gate.port))
        refused = refusal(keyless.places["app"], "app")
    assert refused.code == "08006"
    assert refused.sentence == 'upstream of role "app" did not answer within 0.3 s'


def test_what_a_client_calls_itself_is_cut_in_the_audit(
    start_keyless: StartKeyless, latest_postgres: EmbeddedPostgres
) -> None:
    """PostgreSQL's names have 63 bytes; a startup packet may have thousands."""
    keyless = start_keyless(role("app", latest_postgres))
    audit, long = keyless.audit(), "\u00fc" * 1_500
    Wire(keyless.places["app"]).log_in(long, application_name=long).__exit__()
    told = audit.one("session.start")["wish"]
    assert told == {"user": long[:128], "database": None, "application": long[:128]}
    refusal(keyless.places["app"], "app", database=long)
    told = audit.one("session.denied")["wish"]
    assert told == {"user": "app", "database": long[:128], "application": None}

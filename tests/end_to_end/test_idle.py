"""Clients that ask for nothing: they may, unless the file says how long."""

import time

import pytest

from proxy.demo.postgres import EmbeddedPostgres
from tests.end_to_end.conftest import StartKeyless
from tests.keyless import role
from tests.wire import Refused, Wire

_IDLE = "[timeouts]\nidle = 1\n"


def test_an_idle_session_is_ended_with_a_word(
    start_keyless: StartKeyless, latest_postgres: EmbeddedPostgres
) -> None:
    keyless = start_keyless(_IDLE + role("app", latest_postgres))
    audit = keyless.audit()
    with Wire(keyless.places["app"]).log_in("app") as client:
        begun = time.monotonic()
        with pytest.raises(Refused, match="57P05 the session was idle for 1 s"):
            client.receive()
        assert time.monotonic() - begun >= 0.9
        assert client.is_closed()
    assert audit.one("session.end")["ended_by"] == "proxy"


def test_a_session_at_work_is_not(
    start_keyless: StartKeyless, latest_postgres: EmbeddedPostgres
) -> None:
    keyless = start_keyless(_IDLE + role("app", latest_postgres))
    with Wire(keyless.places["app"]).log_in("app") as client:
        assert client.query("SELECT pg_sleep(2)") == [b""]
        for _ in range(4):
            time.sleep(0.5)
            assert client.query("SELECT 1") == [b"1"]

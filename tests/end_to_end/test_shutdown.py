"""SIGTERM and Ctrl-C: nobody new, idle sessions out at once, busy ones in time, exit code 0."""

import signal
import time

import pytest

from proxy.demo.postgres import EmbeddedPostgres
from tests.end_to_end.conftest import StartKeyless
from tests.keyless import role
from tests.waiting import eventually
from tests.wire import Refused, Wire, query, startup

_GOODBYE = "57P01 the proxy is shutting down"


def _text(server: EmbeddedPostgres, seconds: float) -> str:
    return f"[timeouts]\nshutdown = {seconds}\n" + role("app", server)


def _asleep(server: EmbeddedPostgres, seconds: float) -> bool:
    asked = f"SELECT count(*) FROM pg_stat_activity WHERE query = 'SELECT pg_sleep({seconds})'"
    return server.execute(f"{asked} AND state = 'active'") == "1\n"


def _is_refused(place: tuple[str, int]) -> bool:
    try:
        Wire(place).__exit__()
    except ConnectionRefusedError:
        return True
    return False


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_with_nobody_there(
    start_keyless: StartKeyless, latest_postgres: EmbeddedPostgres, how: signal.Signals
) -> None:
    keyless = start_keyless(_text(latest_postgres, 10))
    begun = time.monotonic()
    assert keyless.stop(how) == 0
    assert time.monotonic() - begun < 3
    assert _is_refused(keyless.places["app"])


def test_idle_sessions_end_at_once_and_busy_ones_have_their_time(
    start_keyless: StartKeyless, latest_postgres: EmbeddedPostgres
) -> None:
    keyless = start_keyless(_text(latest_postgres, 60))
    audit = keyless.audit()
    with Wire(keyless.places["app"]) as idle, Wire(keyless.places["app"]) as busy:
        idle.log_in("app")
        busy.log_in("app").send(query("SELECT pg_sleep(1.5)"))
        eventually(lambda: _asleep(latest_postgres, 1.5))
        keyless.process.send_signal(signal.SIGTERM)
        with pytest.raises(Refused, match=_GOODBYE):
            idle.receive()
        assert idle.is_closed()
        eventually(lambda: _is_refused(keyless.places["app"]))
        assert [kind for kind, _ in busy.until(b"Z")] == [b"T", b"D", b"C", b"Z"]
        with pytest.raises(Refused, match=_GOODBYE):
            busy.receive()
    assert keyless.process.wait(15) == 0
    assert {event["ended_by"] for event in audit.wait("session.end", 2)} == {"proxy"}


def test_what_is_not_done_in_time_is_stopped_upstream_too(
    start_keyless: StartKeyless, latest_postgres: EmbeddedPostgres
) -> None:
    keyless = start_keyless(_text(latest_postgres, 0.3))
    with Wire(keyless.places["app"]).log_in("app") as busy:
        busy.send(query("SELECT pg_sleep(61)"))
        eventually(lambda: _asleep(latest_postgres, 61))
        keyless.process.send_signal(signal.SIGTERM)
        with pytest.raises(Refused, match=_GOODBYE):
            busy.until(b"Z")
    assert keyless.process.wait(15) == 0
    eventually(lambda: not _asleep(latest_postgres, 61), seconds=5)


def _log_in_and_listen(client: Wire) -> None:
    client.send(startup(user="app")[1:])
    while True:
        client.receive()


def test_a_client_that_is_not_in_yet_is_told_when_it_is(
    start_keyless: StartKeyless, latest_postgres: EmbeddedPostgres
) -> None:
    keyless = start_keyless(_text(latest_postgres, 10))
    with Wire(keyless.places["app"]) as client:
        client.send(b"\0")
        keyless.process.send_signal(signal.SIGTERM)
        eventually(lambda: "stopping" in keyless.log)
        with pytest.raises(Refused, match=_GOODBYE):
            _log_in_and_listen(client)
    assert keyless.process.wait(15) == 0


def test_a_client_that_says_nothing_holds_nobody_up(
    start_keyless: StartKeyless, latest_postgres: EmbeddedPostgres
) -> None:
    """It has a second to say something and be told, not the time that sessions have."""
    keyless = start_keyless(_text(latest_postgres, 60))
    with Wire(keyless.places["app"]) as silent:
        silent.send(b"\0")
        begun = time.monotonic()
        assert keyless.stop() == 0
        assert 0.9 < time.monotonic() - begun < 4
        assert silent.is_closed()


def test_a_killed_proxy_leaves_no_session_upstream(
    start_keyless: StartKeyless, latest_postgres: EmbeddedPostgres
) -> None:
    keyless = start_keyless(_text(latest_postgres, 10))
    with Wire(keyless.places["app"]).log_in("app", application_name="orphan") as client:
        keyless.stop(signal.SIGKILL)
        assert client.is_closed()
    asked = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'orphan'"
    eventually(lambda: latest_postgres.execute(asked) == "0\n")

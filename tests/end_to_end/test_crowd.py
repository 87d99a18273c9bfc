"""Connections that say nothing have so many places for each user, and cost nobody else theirs."""

import os
import socket
from collections.abc import Iterator
from contextlib import ExitStack, suppress

import pytest

from proxy.demo.postgres import EmbeddedPostgres
from tests.end_to_end.conftest import StartKeyless
from tests.end_to_end.programs import PSQL, run
from tests.keyless import Keyless, role
from tests.waiting import eventually
from tests.wire import Wire

_PLACES = 500


@pytest.fixture
def crowded(
    start_keyless: StartKeyless, latest_postgres: EmbeddedPostgres
) -> Iterator[tuple[Keyless, Wire, ExitStack]]:
    """A proxy, a session that was in before, and all places taken until the stack is closed."""
    keyless = start_keyless(role("app", latest_postgres))
    with Wire(keyless.places["app"]).log_in("app") as inside, ExitStack() as crowd:
        for _ in range(_PLACES):
            crowd.enter_context(socket.create_connection(keyless.places["app"]))
        yield keyless, inside, crowd


def _is_turned_away(place: tuple[str, int]) -> bool:
    with socket.create_connection(place, 5) as client:
        try:
            return client.recv(1) == b""
        except ConnectionResetError:
            return True


def _is_served(place: tuple[str, int]) -> bool:
    with suppress(OSError, EOFError), Wire(place).log_in("app") as client:
        return client.query("SELECT 1") == [b"1"]
    return False


def test_one_more_is_turned_away_until_others_leave(
    crowded: tuple[Keyless, Wire, ExitStack],
) -> None:
    keyless, inside, crowd = crowded
    place = keyless.places["app"]
    assert _is_turned_away(place)
    assert _is_turned_away(place), "it had no place to give back"
    assert inside.query("SELECT 1") == [b"1"]
    crowd.close()
    eventually(lambda: _is_served(place), seconds=5)


def test_who_is_in_has_left_its_place(
    start_keyless: StartKeyless, latest_postgres: EmbeddedPostgres
) -> None:
    keyless = start_keyless(role("app", latest_postgres))
    place = keyless.places["app"]
    with ExitStack() as stack:
        for _ in range(_PLACES - 1):
            stack.enter_context(socket.create_connection(place))
        for _ in range(3):
            stack.enter_context(Wire(place)).log_in("app")
        stack.enter_context(socket.create_connection(place))
        assert _is_turned_away(place)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be somebody else")
def test_another_user_has_places_of_its_own(crowded: tuple[Keyless, Wire, ExitStack]) -> None:
    keyless, _, _ = crowded
    host, port = keyless.places["app"]
    nobody = ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups", "--"]
    psql = [PSQL, "-X", "-w", "-h", host, "-p", str(port), "-U", "app", "-Atc", "SELECT 1"]
    assert run(*nobody, *psql).stdout == "1\n"

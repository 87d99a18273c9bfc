"""One port for all roles of a kind: the client's user name is the role's."""

import os
import pwd
import threading
import time
from pathlib import Path

import psycopg
import pytest

from proxy.demo.postgres import EmbeddedPostgres
from tests.end_to_end.conftest import StartKeyless
from tests.end_to_end.programs import run
from tests.keyless import COMMAND, Keyless, environment, role
from tests.wire import Wire, cancel_request, refusal

_ME = pwd.getpwuid(os.getuid()).pw_name
_NOT_ME = 'allow = { users = ["nobody-at-all"] }'
_SHARED = '[listen]\npostgres = "127.0.0.1:0"\n'


@pytest.fixture
def keyless(start_keyless: StartKeyless, latest_postgres: EmbeddedPostgres) -> Keyless:
    return start_keyless(
        _SHARED
        + role("app", latest_postgres, listen=None)
        + role("other", latest_postgres, USER="password_user", settings=f'allow.users = ["{_ME}"]')
        + role("closed", latest_postgres, listen=None, settings=_NOT_ME)
    )


def test_each_name_is_its_role(keyless: Keyless) -> None:
    audit = keyless.audit()
    place = keyless.places["postgres"]
    with Wire(place).log_in("app") as app:
        assert app.query("SELECT current_user") == [b"scram_user"]
    started = audit.one("session.start")
    assert started["role"] == "app"
    assert started["wish"]["user"] == "app"


def test_who_may_not_use_a_role_sees_none(keyless: Keyless) -> None:
    audit = keyless.audit()
    place = keyless.places["postgres"]
    closed, unknown = refusal(place, "closed"), refusal(place, "nothing")
    assert (closed.code, unknown.code) == ("3D000", "3D000")
    assert closed.sentence.replace("closed", "nothing") == unknown.sentence
    roles = [event["role"] for event in audit.wait("session.denied", 2)]
    assert roles == ["closed", None]
    assert not audit.events("secret.read")


@pytest.mark.parametrize(("opened", "asked"), [("postgres", "app"), ("app", "postgres")])
def test_a_cancel_request_may_come_by_either_port(
    start_keyless: StartKeyless, latest_postgres: EmbeddedPostgres, opened: str, asked: str
) -> None:
    keyless = start_keyless(_SHARED + role("app", latest_postgres))
    with Wire(keyless.places[opened]).log_in("app") as session:

        def cancel() -> None:
            time.sleep(0.3)
            with Wire(keyless.places[asked]) as other:
                other.send(cancel_request(session.key))
                assert other.is_closed()

        canceller = threading.Thread(target=cancel)
        canceller.start()
        with pytest.raises(Exception, match="57014"):
            session.query("SELECT pg_sleep(10)")
        canceller.join()


def test_connect_finds_the_shared_port(
    start_keyless: StartKeyless, latest_postgres: EmbeddedPostgres, tmp_path: Path
) -> None:
    shared = f'[listen]\npostgres = "unix:{tmp_path}/s"\n'
    keyless = start_keyless(shared + role("app", latest_postgres, listen=None))
    audit = keyless.audit()
    command = (COMMAND, "connect", "app", "--config", str(keyless.config))
    done = run(*command, "--", "-Atc", "SELECT 1", environment=environment())
    assert done.stdout == "1\n"
    probe, session = audit.wait("session.start", 2)
    assert probe["role"] == session["role"] == "app"
    listed = run(COMMAND, "roles", "--config", str(keyless.config), environment=environment())
    assert listed.stdout == f"app  postgres  unix:{tmp_path}/s\n"


def test_a_client_of_libpq(keyless: Keyless) -> None:
    host, port = keyless.places["postgres"]
    with psycopg.connect(host=host, port=port, user="app", dbname="app") as client:
        assert client.execute("SELECT current_database()").fetchone() is not None

"""Statements that a role refuses: an error in its turn, and the session goes on."""

import psycopg
import pytest

from proxy.demo.postgres import EmbeddedPostgres
from tests.end_to_end.conftest import StartKeyless
from tests.keyless import Keyless, role
from tests.secrecy import CANARY
from tests.waiting import eventually

_SETTINGS = 'refuse = ["password-change", "copy-program"]'
_CHANGE = f"ALTER ROLE CURRENT_USER PASSWORD '{CANARY}'"


@pytest.fixture
def keyless(start_keyless: StartKeyless, postgres: EmbeddedPostgres) -> Keyless:
    return start_keyless(role("app", postgres, settings=_SETTINGS))


@pytest.mark.parametrize("prepare", [False, True])
def test_a_password_is_not_set(keyless: Keyless, prepare: bool) -> None:
    audit = keyless.audit()
    told = 'role "app" does not allow setting passwords'
    with keyless.connect("app") as client:
        with pytest.raises(psycopg.errors.InsufficientPrivilege, match=told):
            client.execute(_CHANGE, prepare=prepare)
        assert client.execute("SELECT 1", prepare=prepare).fetchone() == (1,)
    refused = audit.one("postgres.query", sqlstate="42501")
    assert refused["statement"] == "ALTER ROLE CURRENT_USER PASSWORD '***'"


def test_a_program_is_not_run(keyless: Keyless) -> None:
    with keyless.connect("app") as client, client.cursor() as cursor:
        with (
            pytest.raises(psycopg.errors.InsufficientPrivilege, match="COPY to or from a program"),
            cursor.copy("COPY (SELECT 1) TO PROGRAM 'cat'"),
        ):
            pass
        with cursor.copy("COPY (SELECT 1) TO STDOUT") as copy:
            assert list(copy.rows()) == [("1",)]


def test_within_a_transaction_it_fails_as_any_error_does(keyless: Keyless) -> None:
    with keyless.connect("app") as client:
        client.execute("BEGIN")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            client.execute(_CHANGE)
        with pytest.raises(psycopg.errors.InFailedSqlTransaction):
            client.execute("SELECT 1")
        client.execute("ROLLBACK")


def test_within_a_pipeline_it_fails_in_its_turn(keyless: Keyless) -> None:
    with keyless.connect("app") as client, client.pipeline():
        before = client.execute("SELECT 1")
        refused = client.execute(_CHANGE)
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            refused.fetchone()
        assert before.fetchone() == (1,)


def test_other_roles_are_not_held_up(
    start_keyless: StartKeyless, latest_postgres: EmbeddedPostgres
) -> None:
    keyless = start_keyless(role("app", latest_postgres))
    with keyless.connect("app") as client:
        client.execute(f"ALTER ROLE CURRENT_USER PASSWORD '{CANARY}'")  # as it is already
    eventually(lambda: '"***"' in keyless.log or "PASSWORD '***'" in keyless.audit_path.read_text())

"""No password that a client says is told: each is the canary, and the whole audit is searched."""

import subprocess
from urllib.parse import quote

import psycopg
import pytest

from tests.end_to_end.audited import statements
from tests.end_to_end.programs import PSQL, psql_environment
from tests.keyless import Keyless
from tests.secrecy import CANARY


@pytest.mark.parametrize(
    "sql",
    [
        f"ALTER ROLE nobody_s PASSWORD '{CANARY}'",
        f"CREATE USER postgres ENCRYPTED PASSWORD /* a /* b */ '' */ E'{CANARY}'",
        f"CREATE USER MAPPING FOR public SERVER nowhere OPTIONS (user 'u', password '{CANARY}')",
        f"ALTER USER MAPPING FOR public SERVER nowhere OPTIONS (SET password '{CANARY}')",
        f"CREATE SUBSCRIPTION s CONNECTION 'host=h password={CANARY}' PUBLICATION p",
        f"ALTER SUBSCRIPTION s CONNECTION 'postgresql://u:{quote(CANARY, safe='')}@h/d'",
        f"SELECT dblink_connect('password=''{CANARY}'' dbname=d')",
        f"DO $$BEGIN EXECUTE 'ALTER ROLE nobody_s PASSWORD ''{CANARY}'''; END$$",
        f'SELECT no_such_function(\'{{"password": "{CANARY}"}}\'::json)',
        f"{'-' * 70_000}\nALTER ROLE nobody_s PASSWORD '{CANARY}'",
    ],
    ids=range(10),
)
def test_a_password_is_not_told(keyless: Keyless, role_name: str, sql: str) -> None:
    audit = keyless.audit()
    with keyless.connect(role_name) as client:
        for prepare in (False, True):
            with pytest.raises(psycopg.Error):
                client.execute(sql, prepare=prepare)
    for event in statements(audit, 2):
        assert "***" in event["statement"] or event["statement_bytes"] > 65_536
        assert event["statement_sha256"] is None
        assert event["sqlstate"] is not None
    assert CANARY not in keyless.audit_path.read_text()


def test_psqls_own_command_for_passwords(keyless: Keyless, role_name: str) -> None:
    """It sends a SCRAM verifier, with which others could be deceived."""
    audit = keyless.audit()
    host, port = keyless.places[role_name]
    done = subprocess.run(
        [PSQL, "-X", "-w", "-h", host, "-p", str(port), "-U", role_name],
        input=f"\\password nobody_s\n{CANARY}\n{CANARY}\n",
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env=psql_environment(),
        start_new_session=True,  # without a terminal it reads passwords from its input
    )
    assert 'role "nobody_s" does not exist' in done.stderr
    event = statements(audit, 2)[1]
    assert event["statement"] == "ALTER USER nobody_s PASSWORD '***'"

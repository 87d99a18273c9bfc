"""What statements are bound to, as real drivers send it and where the role asks for it."""

import decimal
import struct
import uuid
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from tests.end_to_end.audited import some, statements
from tests.end_to_end.programs import NO_FILE
from tests.keyless import Keyless, role
from tests.protocols.postgres.queries import values
from tests.secrecy import CANARY
from tests.servers.postgres import VERSIONS, PostgresServers
from tests.wire import Wire, message

_ID = uuid.UUID("6ecd8c99-4036-403d-bf84-cf8400f67836")
_WHEN = datetime(2024, 2, 29, 12, 34, 56, 789_000, tzinfo=UTC)
_VALUES: list[tuple[str, object, str | None]] = [
    ("bool", True, "t"),
    ("int4", -7, "-7"),
    ("int8", 1 << 40, "1099511627776"),
    ("float8", 0.1, "0.1"),
    ("text", "café", "café"),
    ("numeric", decimal.Decimal("12.340"), "12.340"),
    ("uuid", _ID, str(_ID)),
    ("bytea", b"\0\xff", "\\x00ff"),
    ("date", date(1999, 12, 31), "1999-12-31"),
    ("text", None, None),
]
_SELECT = "SELECT " + ", ".join(f"${n}::{kind}" for n, (kind, _, _) in enumerate(_VALUES, 1))
_TOLD = [told for _, _, told in _VALUES]


@pytest.fixture(scope="session")
def asked(artefacts: Path, postgres_servers: PostgresServers) -> Iterator[Keyless]:
    roles = []
    for version in VERSIONS:
        with suppress(pytest.skip.Exception):  # whoever asks for that version will be skipped
            server = postgres_servers.running(version)
            roles.append(role(f"pg{version}", server, settings="audit_parameters = true"))
    with Keyless(artefacts / "parameters", "".join(roles)) as running:
        yield running


@pytest.mark.parametrize("placeholder", ["%t", "%b"])
def test_psycopg(asked: Keyless, role_name: str, placeholder: str) -> None:
    """In text, and in binary with the types that it names itself."""
    audit = asked.audit()
    marks = ", ".join(f"{placeholder}::{kind}" for kind, _, _ in _VALUES)
    with asked.connect(role_name) as client:
        client.execute(f"SELECT {marks}", [value for _, value, _ in _VALUES])
    (event,) = statements(audit, 1)
    assert event["statement"] == _SELECT
    told = [value.replace("-", "") if value == str(_ID) else value for value in _TOLD if value]
    assert [value for value in event["parameters"] if value] in (_TOLD[:-1], told)
    assert event["parameters"][-1] is None
    assert event["parameters_cut"] is None


async def test_asyncpg(asked: Keyless, role_name: str) -> None:
    """In binary, with the types that the server has described; also many rows at once."""
    audit = asked.audit()
    host, port = asked.places[role_name]
    client: Any = await asyncpg.connect(host=host, port=port, user=role_name, passfile=NO_FILE)
    try:
        await client.fetch(_SELECT, *[value for _, value, _ in _VALUES])
        await client.fetch("SELECT $1::int[], $2::timestamptz", [1, None, 3], _WHEN)
        await client.execute("CREATE TEMP TABLE t (n int, s text)")
        await client.executemany("INSERT INTO t VALUES ($1, $2)", [(1, "a"), (2, None)])
    finally:
        await client.close()
    audit.wait("session.end")
    events = {event["statement"]: event for event in audit.events("postgres.query")}
    assert events[_SELECT]["parameters"] == _TOLD
    several = events["SELECT $1::int[], $2::timestamptz"]["parameters"]
    assert several == ["{1,NULL,3}", "2024-02-29 12:34:56.789+00"]
    rows = [e for e in audit.events("postgres.query") if e["statement"].startswith("INSERT")]
    assert some(rows, "parameters", "transaction") == [(["1", "a"], None), (["2", None], "idle")]


def test_a_statement_that_is_run_again_has_others(asked: Keyless, role_name: str) -> None:
    audit = asked.audit()
    with asked.connect(role_name) as client:
        for n in (1, 2):
            client.execute("SELECT id FROM accounts WHERE id <= %s", [n], prepare=True)
        client.execute("SELECT 3")
    assert some(statements(audit, 3), "parameters", "rows") == [
        (["1"], 1),
        (["2"], 2),
        (None, 1),
    ]


def test_behind_a_long_one_the_others_are_told(asked: Keyless, role_name: str) -> None:
    audit = asked.audit()
    with asked.connect(role_name) as client:
        for value in ("x" * 1_000_000, b"\xff" * 1_000_000):
            client.execute("SELECT length(%b), %b::int", [value, 7])
    text, blob = statements(audit, 2)
    assert text["parameters"] == ["x" * 8_192, "7"]
    assert blob["parameters"] == ["\\x" + "ff" * 8_192, "7"]
    assert text["parameters_cut"] == blob["parameters_cut"] == {"1": 1_000_000}


def test_of_very_many_the_first_are_told(asked: Keyless, role_name: str) -> None:
    audit = asked.audit()
    marks = ", ".join(["(%s::int)"] * 60_000)
    with asked.connect(role_name) as client:
        client.execute(f"SELECT count(*) FROM (VALUES {marks}) v", range(60_000))
    (event,) = statements(audit, 1)
    told = event["parameters"]
    assert told == [str(n) for n in range(len(told))]
    assert 500 < len(told) < 1_000
    assert event["parameters_cut"] == {"count": 60_000}


def test_a_function_calls_arguments(asked: Keyless, role_name: str) -> None:
    """lo_creat, which libpq calls for large objects."""
    audit = asked.audit()
    with Wire(asked.places[role_name]).log_in(role_name) as client:
        client.query("BEGIN")
        arguments = values((1,), struct.pack(">i", 0x60000))
        client.send(message(b"F", struct.pack(">I", 957) + arguments + b"\0\1"))
        client.until(b"Z")
    event = statements(audit, 2)[1]
    assert (event["statement"], event["parameters"]) == ("function 957", ["\\x00060000"])
    assert event["transaction"] == "in"


@pytest.mark.parametrize(
    ("sql", "value", "told"),
    [
        ("SELECT set_config('a.password', {}, false)", CANARY, "***"),
        ("SELECT {}::text", f"host=h password={CANARY} user=u", "host=h password=*** user=u"),
        ("SELECT {}::json", f'{{"password": "{CANARY}"}}', '{"password": "***"}'),
        ("SELECT {}::text", f"ALTER ROLE r PASSWORD '{CANARY}'", "ALTER ROLE r PASSWORD '***'"),
    ],
    ids=["named", "connection string", "JSON", "SQL"],
)
def test_a_password_is_not_told(
    asked: Keyless, role_name: str, sql: str, value: str, told: str
) -> None:
    """Each is the canary, which the whole audit is searched for."""
    audit = asked.audit()
    with asked.connect(role_name) as client:
        for placeholder in ("%t", "%b"):
            client.execute(sql.format(placeholder), [value])
    assert some(statements(audit, 2), "parameters") == [([told],), ([told],)]
    assert CANARY not in asked.audit_path.read_text()


def test_without_being_asked_none_is_told(keyless: Keyless, role_name: str) -> None:
    audit = keyless.audit()
    with keyless.connect(role_name) as client:
        client.execute("SELECT %s", [1])
    (event,) = statements(audit, 1)
    assert (event["parameters"], event["parameters_cut"]) == (None, None)

"""What the audit tells of statements on real servers, whatever way a client runs them."""

import hashlib
import struct

import psycopg
import pytest
from psycopg.rows import scalar_row

from tests.end_to_end.audited import some, statements
from tests.keyless import Keyless
from tests.protocols.postgres.queries import (
    COPY_DONE,
    FLUSH,
    SYNC,
    copy_data,
    execute,
    extended,
    query,
)
from tests.wire import Refused, Wire, message

_DEFERRED = "CREATE TEMP TABLE once (n int UNIQUE DEFERRABLE INITIALLY DEFERRED)"


def test_several_statements_of_one_query(keyless: Keyless, role_name: str) -> None:
    audit = keyless.audit()
    sql = "CREATE TEMP TABLE t (n int); INSERT INTO t VALUES (1), (2); TABLE t; DELETE FROM t"
    with Wire(keyless.places[role_name]).log_in(role_name) as client:
        client.query(sql)
    (event,) = statements(audit, 1)
    assert event["commands"] == ["CREATE TABLE", "INSERT 0 2", "SELECT 2", "DELETE 2"]
    assert (event["rows"], event["transaction"], event["finished"]) == (6, "idle", True)


def test_the_transactions_state(keyless: Keyless, role_name: str) -> None:
    audit = keyless.audit()
    with keyless.connect(role_name) as client:
        client.execute("BEGIN")
        client.execute("SELECT %s", [1])
        with pytest.raises(psycopg.errors.SyntaxError):
            client.execute("bogus %s", [1])
        with pytest.raises(psycopg.errors.InFailedSqlTransaction):
            client.execute("SELECT 2")
        client.execute("ROLLBACK")
    assert some(statements(audit, 5), "statement", "transaction", "sqlstate") == [
        ("BEGIN", "in", None),
        ("SELECT $1", "in", None),
        ("bogus $1", "failed", "42601"),
        ("SELECT 2", "failed", "25P02"),
        ("ROLLBACK", "idle", None),
    ]


def test_a_commit_that_fails_is_told_with_the_statement_that_it_undoes(
    keyless: Keyless, role_name: str
) -> None:
    """Each ends with a Sync, and that commits it: the constraint is not looked at before."""
    audit = keyless.audit()
    insert = "INSERT INTO once SELECT 1 FROM generate_series(1, $1)"
    with keyless.connect(role_name) as client:
        client.execute(_DEFERRED)
        with pytest.raises(psycopg.errors.UniqueViolation):
            client.execute(insert.replace("$1", "%s"), [2])
        client.execute("SELECT 'next'", prepare=True)
    assert some(statements(audit, 3)[1:], "statement", "commands", "sqlstate", "transaction") == [
        (insert, ["INSERT 0 2"], "23505", "idle"),
        ("SELECT 'next'", ["SELECT 1"], None, "idle"),
    ]


def test_a_commit_that_fails_later_is_told_by_itself(keyless: Keyless, role_name: str) -> None:
    audit = keyless.audit()
    insert = "INSERT INTO once VALUES (1), (1)"
    with Wire(keyless.places[role_name]).log_in(role_name) as client:
        client.query(_DEFERRED)
        client.send(extended(insert) + FLUSH)
        client.until(b"C")
        audit.wait("postgres.query", statement=insert)
        client.send(SYNC)
        with pytest.raises(Refused, match="23505"):
            client.receive()
        client.until(b"Z")
    assert some(statements(audit, 3)[1:], "statement", "protocol", "sqlstate", "transaction") == [
        (insert, "extended", None, None),
        ("", "sync", "23505", "idle"),
    ]


def test_a_pipeline_with_an_error_in_it(keyless: Keyless, role_name: str) -> None:
    audit = keyless.audit()
    with keyless.connect(role_name) as client, client.pipeline() as pipeline:
        client.execute("SELECT 1")
        client.execute("SELECT 1 / %s", [0])
        client.execute("SELECT 'skipped'")
        with pytest.raises(psycopg.errors.DivisionByZero):
            pipeline.sync()
        client.execute("SELECT 'after'")
        pipeline.sync()
    assert some(statements(audit, 3), "statement", "rows", "sqlstate") == [
        ("SELECT 1", 1, None),
        ("SELECT 1 / $1", 0, "22012"),
        ("SELECT 'after'", 1, None),
    ]


def test_cursors(keyless: Keyless, role_name: str) -> None:
    audit = keyless.audit()
    with (
        keyless.connect(role_name) as client,
        client.transaction(),
        client.cursor("pages", row_factory=scalar_row) as cursor,
    ):
        cursor.execute("SELECT generate_series(1, 5)")
        assert [cursor.fetchmany(2), cursor.fetchall()] == [[1, 2], [3, 4, 5]]
    assert some(statements(audit, 6)[1:5], "commands", "rows") == [
        (["DECLARE CURSOR"], 0),
        (["FETCH 2"], 2),
        (["FETCH 3"], 3),
        (["CLOSE CURSOR"], 0),
    ]


def test_a_portal_in_pieces(keyless: Keyless, role_name: str) -> None:
    audit = keyless.audit()
    with Wire(keyless.places[role_name]).log_in(role_name) as client:
        client.send(extended("SELECT generate_series(1, 5)")[: -len(execute())] + execute(b"", 2))
        client.send(execute(b"", 2) + FLUSH)
        client.until(b"s")
        client.until(b"s")
        client.send(execute(b"", 9) + SYNC)
        client.until(b"Z")
    (event,) = statements(audit, 1)
    assert (event["rows"], event["commands"]) == (5, ["SELECT 1"])


def test_copies(keyless: Keyless, role_name: str) -> None:
    audit = keyless.audit()
    with keyless.connect(role_name) as client, client.cursor() as cursor:
        cursor.execute("CREATE TEMP TABLE t (n int)")
        with cursor.copy("COPY t FROM STDIN") as copy:
            copy.write(b"1\n22\n333\n")
        with cursor.copy("COPY t TO STDOUT (FORMAT csv, HEADER)") as copy:
            assert len(b"".join(copy)) == 11
    assert some(statements(audit, 3)[1:], "commands", "rows", "copied_bytes") == [
        (["COPY 3"], 3, 9),
        (["COPY 3"], 3, 11),
    ]


def test_nothing_hides_behind_a_copy_that_fails(keyless: Keyless, role_name: str) -> None:
    """Its trigger fails before any data is read: then the Sync behind it is not ignored."""
    audit = keyless.audit()
    guard = (
        "CREATE TEMP TABLE guarded (n int);"
        "CREATE FUNCTION pg_temp.guard() RETURNS trigger LANGUAGE plpgsql"
        " AS 'BEGIN RAISE ''no''; END';"
        "CREATE TRIGGER guard BEFORE INSERT ON guarded EXECUTE FUNCTION pg_temp.guard()"
    )
    hidden = extended("SELECT 'hidden'") + SYNC
    with Wire(keyless.places[role_name]).log_in(role_name) as client:
        client.query(guard)
        client.send(extended("COPY guarded FROM STDIN") + SYNC + copy_data(b"1\n") + COPY_DONE)
        client.send(hidden + query("SELECT 'last'"))
        with pytest.raises(Refused, match="P0001"):
            client.until(b"Z")
        rows = [body[6:] for _ in range(3) for kind, body in client.until(b"Z") if kind == b"D"]
    assert rows == [b"hidden", b"last"]
    assert some(statements(audit, 4)[1:], "statement", "sqlstate") == [
        ("COPY guarded FROM STDIN", "P0001"),
        ("SELECT 'hidden'", None),
        ("SELECT 'last'", None),
    ]


def test_what_comes_at_any_time(keyless: Keyless, role_name: str) -> None:
    audit = keyless.audit()
    noisy = "DO $$BEGIN RAISE NOTICE 'n'; PERFORM set_config('TimeZone', 'UTC', false); END$$"
    with keyless.connect(role_name) as listener, keyless.connect(role_name) as client:
        listener.execute("LISTEN channel")
        client.execute(noisy)
        client.execute("NOTIFY channel, 'payload'")
        assert next(listener.notifies(timeout=15)).payload == "payload"
        listener.execute("SELECT %s", ["after"])
    audit.wait("session.end", 2)
    events = audit.events("postgres.query")
    assert some(events, "statement", "sqlstate") == [
        ("LISTEN channel", None),
        (noisy, None),
        ("NOTIFY channel, 'payload'", None),
        ("SELECT $1", None),
    ]


def test_a_function_call(keyless: Keyless, role_name: str) -> None:
    audit = keyless.audit()
    with Wire(keyless.places[role_name]).log_in(role_name) as client:
        client.send(message(b"F", struct.pack(">IHHh", 1_598, 0, 0, 0)))  # random()
        client.until(b"Z")
    (event,) = statements(audit, 1)
    assert (event["statement"], event["protocol"]) == ("function 1598", "function")


def test_a_named_statement_is_told_before_sql_runs_it(keyless: Keyless, role_name: str) -> None:
    audit = keyless.audit()
    with keyless.connect(role_name) as client:
        client.execute("SELECT %s + 1", [1], prepare=True)
        (prepared,) = audit.wait("postgres.prepare")
        client.execute(f"EXECUTE {prepared['statement_name']} (41)")
    assert prepared["statement"] == "SELECT $1 + 1"
    assert statements(audit, 2)[1]["commands"] == ["SELECT 1"]


@pytest.mark.parametrize("size", [1_000, 70_000, 3_000_000])
def test_a_long_statement_is_told_by_its_digest(
    keyless: Keyless, role_name: str, size: int
) -> None:
    audit = keyless.audit()
    long = f"SELECT length('{'x' * size}')"
    with keyless.connect(role_name) as client:
        assert client.execute(long).fetchone() == (size,)
        assert client.execute(long, prepare=True).fetchone() == (size,)
    digest = hashlib.sha256(long.encode()).hexdigest() if size > 65_536 else None
    told = statements(audit, 2)
    for event in (*told, *audit.events("postgres.prepare")):
        assert (event["statement_bytes"], event["statement_sha256"]) == (len(long), digest)
        assert long.startswith(event["statement"])

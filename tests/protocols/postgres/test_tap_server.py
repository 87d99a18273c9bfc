"""The tap beside a real server: what the documentation does not say is as we take it to be."""

import struct

import pytest

from proxy.demo.postgres import EmbeddedPostgres
from tests.protocols.postgres.beside_server import LAST_TOLD, Told, converse, watch
from tests.protocols.postgres.queries import (
    SYNC,
    bind,
    close,
    describe,
    execute,
    extended,
    message,
    parse,
    query,
)

_RANDOM = message(b"F", struct.pack(">ihhh", 1598, 0, 0, 0))  # random()
_NOISY = (
    "LISTEN c; NOTIFY c, 'p'; SET application_name = 'noisy'; DO $$BEGIN RAISE NOTICE 'n'; END$$"
)


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        (extended("SELECT 1") + SYNC, [("SELECT 1", ("SELECT 1",), 1, 0, None)]),
        (query(""), [("", (), 0, 0, None)]),
        (query("SELECT 1; ; SELECT 2"), [("SELECT 1; ; SELECT 2", ("SELECT 1",) * 2, 2, 0, None)]),
        (_RANDOM, [("function 1598", (), 0, 0, None)]),
        # skipped after an error: a Query and a FunctionCall too
        (
            extended("bad") + query("SELECT 'skipped'") + _RANDOM + extended("SELECT 1") + SYNC,
            [("bad", (), 0, 0, "42601")],
        ),
        (query("bad") + SYNC + SYNC, [("bad", (), 0, 0, "42601")]),
        # names: portal first, and as far as the server looks at them
        (
            parse("SELECT 'a'", b"x")
            + parse("SELECT 'b'", b"y")
            + bind(b"x", b"y")
            + describe(b"P", b"x")
            + execute(b"x")
            + close(b"S", b"x")
            + SYNC,
            [("SELECT 'b'", ("SELECT 1",), 1, 0, None)],
        ),
        (
            parse("SELECT 7", b"n" * 63 + b"1")
            + bind(b"p" * 63 + b"2", b"n" * 63 + b"3")
            + execute(b"p" * 63 + b"4")
            + SYNC,
            [("SELECT 7", ("SELECT 1",), 1, 0, None)],
        ),
        # portals in pieces
        (
            extended("SELECT generate_series(1, 5)")[: -len(execute())]
            + execute(b"", 2) * 3
            + SYNC,
            [("SELECT generate_series(1, 5)", ("SELECT 1",), 5, 0, None)],
        ),
        (
            parse("INSERT INTO copied SELECT generate_series(1, 4) RETURNING n")
            + bind()
            + execute(b"", 2) * 3
            + SYNC,
            [
                (
                    "INSERT INTO copied SELECT generate_series(1, 4) RETURNING n",
                    ("INSERT 0 0",),
                    4,
                    0,
                    None,
                )
            ],
        ),
        (
            parse("SELECT 1 / (3 - n) FROM generate_series(1, 5) n")
            + bind()
            + execute(b"", 2) * 2
            + SYNC,
            [("SELECT 1 / (3 - n) FROM generate_series(1, 5) n", (), 2, 0, "22012")],
        ),
        (
            parse("SELECT generate_series(1, 5)") + bind() + execute(b"", 2) + SYNC,
            [("SELECT generate_series(1, 5)", (), 2, 0, None)],
        ),
        # a transaction that its Sync cannot commit
        (
            extended("INSERT INTO once VALUES (1)") * 2 + SYNC,
            [
                ("INSERT INTO once VALUES (1)", ("INSERT 0 1",), 1, 0, None),
                ("INSERT INTO once VALUES (1)", ("INSERT 0 1",), 1, 0, "23505"),
            ],
        ),
        (
            query("INSERT INTO once VALUES (1), (1)"),
            [("INSERT INTO once VALUES (1), (1)", (), 0, 0, "23505")],
        ),
        # cursors made by SQL, and by name
        (
            query("BEGIN; DECLARE c CURSOR FOR SELECT generate_series(1, 9)")
            + query("FETCH 2 FROM c; FETCH 3 FROM c")
            + execute(b"c", 1)
            + SYNC
            + query("COMMIT"),
            [
                (
                    "BEGIN; DECLARE c CURSOR FOR SELECT generate_series(1, 9)",
                    ("BEGIN", "DECLARE CURSOR"),
                    0,
                    0,
                    None,
                ),
                ("FETCH 2 FROM c; FETCH 3 FROM c", ("FETCH 2", "FETCH 3"), 5, 0, None),
                ("COMMIT", ("COMMIT",), 0, 0, None),
                ("", (), 1, 0, None),
            ],
        ),
        (
            query("PREPARE p AS SELECT 7; EXECUTE p") + bind(b"", b"p") + execute() + SYNC,
            [
                ("PREPARE p AS SELECT 7; EXECUTE p", ("PREPARE", "SELECT 1"), 1, 0, None),
                ("", ("SELECT 1",), 1, 0, None),
            ],
        ),
        # what comes at any time
        (
            query(_NOISY) + extended("SELECT 1") + SYNC,
            [
                (_NOISY, ("LISTEN", "NOTIFY", "SET", "DO"), 0, 0, None),
                ("SELECT 1", ("SELECT 1",), 1, 0, None),
            ],
        ),
        # an error of more than is kept of it
        (
            query("DO $$ BEGIN RAISE '%', repeat('x', 100000); END $$"),
            [("DO $$ BEGIN RAISE '%', repeat('x', 100000); END $$", (), 0, 0, "P0001")],
        ),
    ],
)
def test_statements(latest_postgres: EmbeddedPostgres, asked: bytes, told: list[Told]) -> None:
    assert converse(latest_postgres, asked) == [*told, LAST_TOLD]


def test_the_transactions_state(latest_postgres: EmbeddedPostgres) -> None:
    asked = query("SELECT 1") + extended("BEGIN") + SYNC + extended("SELECT 2") + SYNC
    asked += extended("bad") + SYNC + query("SELECT 3") + extended("ROLLBACK") + SYNC
    told = [(e.statement, e.transaction) for e in watch(latest_postgres, asked).events]
    assert told == [
        ("SELECT 1", "idle"),
        ("BEGIN", "in"),
        ("SELECT 2", "in"),
        ("bad", "failed"),
        ("SELECT 3", "failed"),
        ("ROLLBACK", "idle"),
        ("SELECT 'last'", "idle"),
    ]

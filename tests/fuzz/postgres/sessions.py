"""The sessions that are recorded of a client made of bytes, which says what no driver would.

A session is a function that talks to a real server at a place. Together with those of drivers they
use every message there is after login.
"""

import struct
from contextlib import suppress

from tests.protocols.postgres.queries import (
    COPY_DONE,
    FLUSH,
    SYNC,
    TERMINATE,
    bind,
    close,
    copy_data,
    copy_fail,
    describe,
    execute,
    extended,
    parse,
)
from tests.wire import Refused, Wire, message, query

Place = tuple[str, int]
USER = "trust_user"
_INT4PL = 177  # the function behind int4 + int4


def _say(place: Place, *said: bytes, **parameters: str) -> None:
    """Say it piece by piece, and wait for a ReadyForQuery after each, whatever comes before it."""
    with Wire(place).log_in(USER, database="postgres", **parameters) as client:
        for data in said:
            client.send(data)
            while True:
                with suppress(Refused):
                    client.until(b"Z")
                    break
        client.send(TERMINATE)


def simple(place: Place) -> None:
    _say(
        place,
        query("SELECT 1; SELECT n, 'row ' || n FROM generate_series(1, 3) n"),
        query(""),
        query("CREATE TEMP TABLE t (a int, b text); INSERT INTO t VALUES (1, 'x'), (2, 'y')"),
        query("UPDATE t SET b = NULL WHERE a = 1; SELECT * FROM t; DELETE FROM t"),
        query("DO $$ BEGIN RAISE NOTICE 'noticed'; RAISE WARNING 'warned'; END $$"),
        query("LISTEN heard; NOTIFY heard, 'payload'"),
        query("SET TimeZone = 'Europe/Berlin'; SHOW TimeZone"),
    )


def simple_errors(place: Place) -> None:
    _say(
        place,
        query("SELECT 1; SELECT 1/0; SELECT 2"),
        query("SELEC 1"),
        query("BEGIN; SELECT * FROM missing"),
        query("SELECT 1"),
        query("ROLLBACK"),
        query("DO $$ BEGIN RAISE EXCEPTION 'raised' USING ERRCODE = 'KEY01', HINT = 'h'; END $$"),
    )


def portals(place: Place) -> None:
    rows = parse("SELECT generate_series(1, 5)", b"s00000") + describe(b"S", b"s00000")
    first = bind(b"p00000", b"s00000") + describe(b"P", b"p00000") + execute(b"p00000", 2)
    _say(
        place,
        query("BEGIN"),
        rows + first + SYNC,
        execute(b"p00000", 2) + FLUSH + execute(b"p00000", 2) + SYNC,
        bind(b"", b"s00000") + execute(b"", 1) + bind(b"", b"s00000") + execute() + SYNC,
        close(b"P", b"p00000") + close(b"S", b"s00000") + close(b"S", b"none") + SYNC,
        query("DECLARE c CURSOR FOR SELECT generate_series(1, 3)") + execute(b"c", 2) + SYNC,
        query("COMMIT"),
        extended("") + SYNC + SYNC,
    )


def pipelines_with_errors(place: Place) -> None:
    good, bad = extended("SELECT 1"), extended("SELECT 1/0")
    _say(place, good + bad + good + query("SELECT 'skipped'") + SYNC, bad + FLUSH + good + SYNC)
    _say(place, good + SYNC + bad + SYNC + good + SYNC, SYNC, SYNC)
    _say(place, bind(b"p", b"none") + execute(b"p") + SYNC, execute(b"none") + SYNC)
    _say(place, parse("SELECT 1", b"s") + parse("SELECT 2", b"s") + SYNC, parse("SELEC") + SYNC)


def copy_in(place: Place) -> None:
    create = query("CREATE TEMP TABLE t (a int)")
    rows = copy_data(b"1\n2\n") + copy_data(b"3\n")
    copy = extended("COPY t FROM STDIN")
    _say(place, create, query("COPY t FROM STDIN") + rows + COPY_DONE)
    _say(place, create, query("COPY t FROM STDIN; SELECT 1") + rows + copy_fail() + query("SELECT"))
    _say(place, create, query("COPY t FROM STDIN") + copy_data(b"bad\n") + rows + COPY_DONE)
    _say(place, create, copy + SYNC + rows + COPY_DONE + SYNC, copy + rows + copy_fail() + SYNC)


def copy_out(place: Place) -> None:
    series = "generate_series(1, 4) n"
    _say(
        place,
        query(f"COPY (SELECT n FROM {series}) TO STDOUT; SELECT 1"),
        extended(f"COPY (SELECT n FROM {series}) TO STDOUT (FORMAT binary)") + SYNC,
        query(f"COPY (SELECT 1 / (3 - n) FROM {series}) TO STDOUT"),
    )


def function_calls(place: Place) -> None:
    def call(oid: int, *arguments: int) -> bytes:
        values = b"".join(struct.pack(">ii", 4, value) for value in arguments)
        head = struct.pack(">ihhh", oid, 1, 1, len(arguments))
        return message(b"F", head + values + struct.pack(">h", 1))

    _say(place, call(_INT4PL, 1, 2), call(_INT4PL), call(0), query("SELECT 1"))


def replication(place: Place) -> None:
    slot = "CREATE_REPLICATION_SLOT s TEMPORARY LOGICAL pgoutput"
    start = "START_REPLICATION SLOT s LOGICAL 0/0 (proto_version '1', publication_names 'p')"
    with Wire(place).log_in(USER, database="postgres", replication="database") as client:
        for statement in ("IDENTIFY_SYSTEM", "SHOW wal_level", slot):
            client.query(statement)
        client.send(query(start))
        client.until(b"W")
        client.until(b"d")
        client.send(copy_data(b"r" + bytes(33)) + COPY_DONE)
        client.until(b"Z")
        client.send(TERMINATE)


def terminated(place: Place) -> None:
    with Wire(place).log_in(USER, database="postgres") as client, suppress(Refused):
        client.query("SELECT 1; SELECT pg_terminate_backend(pg_backend_pid())")


def broken(place: Place) -> None:
    """What a server says of bytes that are none of its protocol."""
    for said in (b"?\0\0\0\x04", b"Q\0\0\0\x03", message(b"Q", b"no end"), message(b"D", b"X")):
        with Wire(place).log_in(USER, database="postgres") as client, suppress(Refused, EOFError):
            client.send(query("SELECT 1") + said + SYNC)
            client.until(b"Z")
            client.until(b"Z")

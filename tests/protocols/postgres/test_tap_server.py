"""The tap beside a real server: what the documentation does not say is as we take it to be.

Everything is sent in one go, ahead of any answer, so that the server alone decides what it skips
and ignores.
"""

import struct

import pytest

from proxy.demo.postgres import EmbeddedPostgres
from tests.protocols.postgres.queries import (
    COPY_DONE,
    SYNC,
    Watched,
    bind,
    close,
    copy_data,
    copy_fail,
    describe,
    execute,
    extended,
    message,
    parse,
    query,
)
from tests.wire import Wire

Told = tuple[str, tuple[str, ...], int, int, str | None]

_COPY = "COPY copied FROM STDIN"
_ROWS = copy_data(b"1\n") + copy_data(b"2\n")
_LAST = query("SELECT 'last'")
_LAST_TOLD: Told = ("SELECT 'last'", ("SELECT 1",), 1, 0, None)
_RANDOM = message(b"F", struct.pack(">ihhh", 1598, 0, 0, 0))  # random()


def _raw_message(wire: Wire) -> bytes:
    header = wire.read(5)
    return header + wire.read(struct.unpack_from(">i", header, 1)[0] - 4)


def _converse(server: EmbeddedPostgres, asked: bytes) -> list[Told]:
    """Say all this and a last query; what the tap tells of it, without how long it took."""
    watched = Watched()
    with Wire(("127.0.0.1", server.port)) as wire:
        wire.log_in("trust_user", database="app")
        wire.query("CREATE TEMP TABLE copied (n int)")
        wire.send(asked + _LAST)
        watched.client(asked + _LAST)
        last = b"\0\1\0\0\0\4last"
        while (answer := _raw_message(wire))[5:] != last:
            watched.upstream(answer)
        watched.upstream(answer + _raw_message(wire) + _raw_message(wire))
    assert not watched.tap.busy
    watched.tap.close()
    return [(e.statement, e.commands, e.rows, e.copied_bytes, e.sqlstate) for e in watched.events]


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
        # an error of more than is kept of it
        (
            query("DO $$ BEGIN RAISE '%', repeat('x', 100000); END $$"),
            [("DO $$ BEGIN RAISE '%', repeat('x', 100000); END $$", (), 0, 0, "P0001")],
        ),
    ],
)
def test_statements(latest_postgres: EmbeddedPostgres, asked: bytes, told: list[Told]) -> None:
    assert _converse(latest_postgres, asked) == [*told, _LAST_TOLD]


_COPIED: Told = (_COPY, ("COPY 2",), 2, 4, None)
_NEXT, _NEXT_TOLD = extended("SELECT 'next'") + SYNC, ("SELECT 'next'", ("SELECT 1",), 1, 0, None)
_OUT: Told = ("COPY (SELECT 12345) TO STDOUT", ("COPY 1",), 1, 6, None)
_TWICE = f"{_COPY}; {_COPY}; SELECT 1"


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        (query(_OUT[0]) + extended(_OUT[0]) + SYNC, [_OUT, _OUT]),
        (query(_COPY) + _ROWS + COPY_DONE, [_COPIED]),
        (extended(_COPY) + SYNC + _ROWS + COPY_DONE + SYNC, [_COPIED]),
        (extended(_COPY) + SYNC + _ROWS + SYNC + COPY_DONE + SYNC + _NEXT, [_COPIED, _NEXT_TOLD]),
        (query(_COPY) + SYNC + _ROWS + SYNC + COPY_DONE + SYNC + _NEXT, [_COPIED, _NEXT_TOLD]),
        (
            query(_TWICE) + _ROWS + COPY_DONE + SYNC + _ROWS + COPY_DONE,
            [(_TWICE, ("COPY 2", "COPY 2", "SELECT 1"), 5, 8, None)],
        ),
        (
            extended(_COPY) + SYNC + _ROWS + copy_fail() + SYNC + _NEXT,
            [(_COPY, (), 0, 4, "57014"), _NEXT_TOLD],
        ),
        (
            query(_COPY) + SYNC + _ROWS + copy_fail() + SYNC + _NEXT,
            [(_COPY, (), 0, 4, "57014"), _NEXT_TOLD],
        ),
        # a row that is none: then a Sync is answered again, and what follows it is run
        (
            extended(_COPY) + SYNC + copy_data(b"x\n") + SYNC + _NEXT + COPY_DONE,
            [(_COPY, (), 0, 2, "22P02"), _NEXT_TOLD],
        ),
        (
            query(_COPY) + SYNC + copy_data(b"x\n") + SYNC + COPY_DONE + SYNC + _NEXT,
            [(_COPY, (), 0, 2, "22P02"), _NEXT_TOLD],
        ),
    ],
)
def test_copies(latest_postgres: EmbeddedPostgres, asked: bytes, told: list[Told]) -> None:
    assert _converse(latest_postgres, asked) == [*told, _LAST_TOLD]

"""COPY beside a real server: which Sync it ignores, and what it runs behind one that failed."""

import pytest

from proxy.demo.postgres import EmbeddedPostgres
from tests.protocols.postgres.beside_server import LAST_TOLD, Told, converse
from tests.protocols.postgres.queries import (
    COPY_DONE,
    SYNC,
    copy_data,
    copy_fail,
    extended,
    query,
)

_COPY = "COPY copied FROM STDIN"
_GUARDED = "COPY guarded FROM STDIN"
_ROWS = copy_data(b"1\n") + copy_data(b"2\n")
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
        # it fails before it has read its Sync, which is answered then: what follows is run
        (extended(_GUARDED) + SYNC + _NEXT, [(_GUARDED, (), 0, 0, "P0001"), _NEXT_TOLD]),
        (
            extended(_GUARDED) + SYNC + _ROWS + COPY_DONE + SYNC + _NEXT,
            [(_GUARDED, (), 0, 4, "P0001"), _NEXT_TOLD],
        ),
        (
            extended(_GUARDED) + SYNC + _ROWS + COPY_DONE + _NEXT,
            [(_GUARDED, (), 0, 4, "P0001"), _NEXT_TOLD],
        ),
        (
            query(_GUARDED) + SYNC + _ROWS + SYNC + COPY_DONE + SYNC + _NEXT,
            [(_GUARDED, (), 0, 4, "P0001"), _NEXT_TOLD],
        ),
    ],
)
def test_copies(latest_postgres: EmbeddedPostgres, asked: bytes, told: list[Told]) -> None:
    assert converse(latest_postgres, asked) == [*told, LAST_TOLD]

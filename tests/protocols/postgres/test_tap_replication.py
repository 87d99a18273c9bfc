"""Replication: commands in simple queries, several result sets of one, and copying both ways."""

import pytest

from tests.protocols.postgres.queries import (
    COLUMNS,
    COPY_DONE,
    COPY_OUT,
    READY,
    Watched,
    complete,
    copy_data,
    failed,
    message,
    query,
    ran,
    row,
)
from tests.protocols.postgres.server import error

_START = 'START_REPLICATION SLOT "s" LOGICAL 0/0'
_COPY_BOTH = message(b"W", b"\0\0\0")
_WAL = copy_data(b"w" + bytes(24) + b"BEGIN")
_KEEPALIVE = copy_data(b"k" + bytes(17))
_STATUS = copy_data(b"r" + bytes(33))
_ENDED = complete("COPY 0") + complete("START_REPLICATION") + READY


def test_a_stream_is_told_when_it_begins_and_when_it_ends(cut: int) -> None:
    watched = Watched(cut)
    watched.client(query(_START))
    watched.upstream(_COPY_BOTH)
    assert (watched.streams, watched.events) == ([_START], [])
    watched.upstream(_WAL + _KEEPALIVE)
    watched.client(_STATUS)
    watched.upstream(_WAL)
    assert watched.tap.busy
    watched.client(COPY_DONE)
    watched.upstream(_WAL + COPY_DONE + _ENDED)
    expected = ran(
        _START,
        "COPY 0",
        "START_REPLICATION",
        copied_bytes=3 * 30 + 18 + 34,
        protocol="simple",
    )
    assert watched.told == [expected]
    assert not watched.tap.busy


def test_upstream_may_end_a_stream(cut: int) -> None:
    """At the end of a timeline: then it says which is the next."""
    watched = Watched(cut)
    watched.client(query("START_REPLICATION 0/1 TIMELINE 1"))
    watched.upstream(_COPY_BOTH + _WAL + COPY_DONE)
    watched.client(_STATUS + COPY_DONE + query("TIMELINE_HISTORY 2"))
    watched.upstream(COLUMNS + row(b"2") + complete("SELECT") + complete("START_STREAMING") + READY)
    watched.upstream(COLUMNS + row(b"1") + complete("TIMELINE_HISTORY") + READY)
    assert [(e.statement, e.commands, e.copied_bytes) for e in watched.events] == [
        ("START_REPLICATION 0/1 TIMELINE 1", ("SELECT", "START_STREAMING"), 64),
        ("TIMELINE_HISTORY 2", ("TIMELINE_HISTORY",), 0),
    ]
    assert not watched.tap.busy


def test_a_stream_may_fail(cut: int) -> None:
    watched = Watched(cut)
    watched.client(query(_START))
    watched.upstream(_COPY_BOTH + _WAL + failed("58P01"))
    watched.client(_STATUS + COPY_DONE + query("IDENTIFY_SYSTEM"))
    watched.upstream(READY + COLUMNS + row(b"1") + complete("IDENTIFY_SYSTEM") + READY)
    assert watched.told[0].sqlstate == "58P01"
    assert watched.told[1] == ran("IDENTIFY_SYSTEM", "IDENTIFY_SYSTEM", protocol="simple")


def test_a_stream_that_is_cut_off_is_unfinished(cut: int) -> None:
    watched = Watched(cut)
    watched.client(query(_START))
    watched.upstream(_COPY_BOTH + _WAL)
    watched.client(_STATUS)
    watched.now = 86_400.0
    watched.tap.close()
    assert watched.told == [ran(_START, copied_bytes=64, protocol="simple", finished=False)]
    assert watched.events[0].duration_ms == 86_400_000.0


@pytest.mark.parametrize("kind", [b"G", b"H", b"W"])
def test_a_message_in_the_stream_that_looks_like_one_is_data(cut: int, kind: bytes) -> None:
    watched = Watched(cut)
    watched.client(query(_START))
    forged = complete("DELETE 9") + READY + error("XX000", "no") + message(kind)
    watched.upstream(_COPY_BOTH + copy_data(forged))
    watched.client(copy_data(query("DROP TABLE t") + COPY_DONE))
    assert watched.events == []
    watched.client(COPY_DONE)
    watched.upstream(COPY_DONE + _ENDED)
    assert [event.statement for event in watched.events] == [_START]


def test_a_base_backup_is_one_statement_of_many_results(cut: int) -> None:
    watched = Watched(cut)
    watched.client(query("BASE_BACKUP LABEL 'b'"))
    start = COLUMNS + row(b"0/2") + complete("SELECT")
    archive = COPY_OUT + copy_data(b"nbase.tar\0\0") + copy_data(b"d" + bytes(1_000)) + COPY_DONE
    watched.upstream(start * 2 + archive + start + complete("BASE_BACKUP") + READY)
    commands = ("SELECT", "SELECT", "SELECT", "BASE_BACKUP")
    told = ran("BASE_BACKUP LABEL 'b'", *commands, copied_bytes=1_012, protocol="simple")
    assert watched.told == [told]
    assert watched.streams == []


def test_a_password_in_what_streams_is_not_told(cut: int) -> None:
    watched = Watched(cut)
    watched.client(query("START_REPLICATION SLOT s LOGICAL 0/0 (password 's3cret')"))
    watched.upstream(_COPY_BOTH)
    assert watched.streams == ["START_REPLICATION SLOT s LOGICAL 0/0 (password '***')"]

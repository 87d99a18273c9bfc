"""COPY: its bytes and rows, and which Sync is answered while data is on its way."""

import pytest

from tests.protocols.postgres.queries import (
    BOUND,
    COPY_DONE,
    COPY_IN,
    COPY_OUT,
    PARSED,
    READY,
    SYNC,
    Watched,
    complete,
    copy_data,
    copy_fail,
    done,
    extended,
    failed,
    parse,
    query,
    ran,
)

_DATA = copy_data(b"1\n") + copy_data(b"22\n333\n")  # 9 bytes
_BEGUN = PARSED + BOUND + COPY_IN
_OUT = COPY_OUT + copy_data(b"1\n") + copy_data(b"22\n") + COPY_DONE + complete("COPY 2")
_IN = "COPY t FROM STDIN"
_NEXT = ran("next", "SELECT 1", rows=1)


def test_copy_out(cut: int) -> None:
    watched = Watched(cut)
    watched.client(query("COPY t TO STDOUT") + extended("COPY t TO STDOUT") + SYNC)
    watched.upstream(_OUT + READY + PARSED + BOUND + _OUT + READY)
    told = ran("COPY t TO STDOUT", "COPY 2", rows=2, copied_bytes=5)
    assert watched.told[1] == told
    assert [(e.protocol, e.rows, e.copied_bytes) for e in watched.told] == [
        ("simple", 2, 5),
        ("extended", 2, 5),
    ]


def test_copy_in_by_a_query(cut: int) -> None:
    watched = Watched(cut)
    watched.client(query(_IN))
    watched.upstream(COPY_IN)
    watched.client(_DATA + COPY_DONE)
    watched.upstream(complete("COPY 3") + READY)
    assert watched.told == [ran(_IN, "COPY 3", rows=3, copied_bytes=9, protocol="simple")]
    assert not watched.tap.busy


@pytest.mark.parametrize("ahead", [True, False], ids=["ahead", "in turn"])
def test_a_sync_before_the_datas_end_is_ignored(cut: int, ahead: bool) -> None:
    """libpq sends one with the Execute, before it knows that this will be a COPY."""
    watched = Watched(cut)
    watched.client(extended(_IN) + SYNC)
    if not ahead:
        watched.upstream(_BEGUN)
    watched.client(_DATA + SYNC + SYNC + COPY_DONE + SYNC)
    if ahead:
        watched.client(extended("next") + SYNC)
        watched.upstream(_BEGUN)
    watched.upstream(complete("COPY 3") + READY)
    if not ahead:
        assert not watched.tap.busy
        watched.client(extended("next") + SYNC)
    watched.upstream(done("SELECT 1") + READY)
    assert watched.told == [ran(_IN, "COPY 3", rows=3, copied_bytes=9), _NEXT]
    assert not watched.tap.busy


@pytest.mark.parametrize("syncs", [0, 1, 3])
def test_a_query_ignores_such_a_sync_too(cut: int, syncs: int) -> None:
    watched = Watched(cut)
    watched.client(query(_IN) + SYNC * syncs + _DATA + SYNC * syncs + COPY_DONE)
    watched.client(SYNC + extended("next") + SYNC)
    watched.upstream(COPY_IN + complete("COPY 3") + READY + READY + done("SELECT 1") + READY)
    copied = ran(_IN, "COPY 3", rows=3, copied_bytes=9, protocol="simple")
    assert watched.told == [copied, _NEXT]
    assert not watched.tap.busy


def test_one_query_may_copy_twice(cut: int) -> None:
    watched = Watched(cut)
    watched.client(query("COPY; COPY; SELECT") + _DATA + COPY_DONE + SYNC + _DATA + COPY_DONE)
    watched.client(query("next"))
    watched.upstream(COPY_IN + complete("COPY 3") + COPY_IN + complete("COPY 3"))
    watched.upstream(complete("SELECT 1") + READY + complete("SELECT 1") + READY)
    tags = ("COPY 3", "COPY 3", "SELECT 1")
    assert watched.told == [
        ran("COPY; COPY; SELECT", *tags, rows=7, copied_bytes=18, protocol="simple"),
        ran("next", "SELECT 1", rows=1, protocol="simple"),
    ]


@pytest.mark.parametrize("ahead", [True, False], ids=["ahead", "in turn"])
def test_a_copy_that_the_client_fails(cut: int, ahead: bool) -> None:
    watched = Watched(cut)
    watched.client(extended(_IN) + SYNC)
    if not ahead:
        watched.upstream(_BEGUN)
    watched.client(_DATA + copy_fail() + SYNC + extended("next") + SYNC)
    if ahead:
        watched.upstream(_BEGUN)
    watched.upstream(failed("57014") + READY + done("SELECT 1") + READY)
    assert watched.told == [ran(_IN, copied_bytes=9, sqlstate="57014"), _NEXT]
    assert not watched.tap.busy


def test_a_copy_that_upstream_fails_while_data_is_on_its_way(cut: int) -> None:
    watched = Watched(cut)
    watched.client(extended(_IN) + SYNC)
    watched.upstream(_BEGUN)
    watched.client(_DATA)
    watched.upstream(failed("22P02"))
    watched.client(_DATA + COPY_DONE + SYNC)
    watched.upstream(READY)
    watched.client(extended("next") + SYNC)
    watched.upstream(done("SELECT 1") + READY)
    assert watched.told == [ran(_IN, copied_bytes=9, sqlstate="22P02"), _NEXT]
    assert not watched.tap.busy


def test_a_query_whose_copy_upstream_fails(cut: int) -> None:
    """The data after the error, and its end, are ignored."""
    watched = Watched(cut)
    watched.client(query(_IN))
    watched.upstream(COPY_IN)
    watched.client(_DATA)
    watched.upstream(failed("22P02") + READY)
    watched.client(_DATA + COPY_DONE + extended(_IN) + SYNC)
    watched.upstream(_BEGUN)
    watched.client(_DATA + COPY_DONE + SYNC)
    watched.upstream(complete("COPY 3") + READY)
    assert watched.told == [
        ran(_IN, copied_bytes=9, sqlstate="22P02", protocol="simple"),
        ran(_IN, "COPY 3", rows=3, copied_bytes=9),
    ]
    assert not watched.tap.busy


def test_a_copy_that_fails_before_any_data_was_read(cut: int) -> None:
    """A statement trigger may: then the Sync before the data is answered, and the one behind it."""
    watched = Watched(cut)
    watched.client(extended(_IN) + SYNC)
    watched.upstream(_BEGUN + failed("P0001") + READY)
    watched.client(extended("next") + SYNC)
    watched.upstream(done("SELECT 1") + READY)
    assert watched.told == [ran(_IN, sqlstate="P0001"), _NEXT]
    assert not watched.tap.busy


def test_nothing_can_hide_behind_a_copy_that_fails(cut: int) -> None:
    """Sent ahead of the copy's failure, and run after the Sync that upstream no longer ignored."""
    watched = Watched(cut)
    watched.client(extended(_IN) + SYNC + copy_data(b"x\n") + SYNC + extended("next") + SYNC)
    watched.client(COPY_DONE)
    watched.upstream(_BEGUN + failed("22P02") + READY + done("SELECT 1") + READY)
    assert watched.told == [ran(_IN, copied_bytes=2, sqlstate="22P02"), _NEXT]
    assert not watched.tap.busy


def test_nothing_can_hide_between_a_copys_failure_and_the_answer_to_its_sync(cut: int) -> None:
    """The copy failed before its Sync was read, which then is none that upstream ignored."""
    watched = Watched(cut)
    watched.client(extended(_IN) + SYNC)
    watched.upstream(_BEGUN + failed("P0001"))
    watched.client(extended("next") + SYNC)
    watched.upstream(READY)
    watched.upstream(done("SELECT 1") + READY)
    assert watched.told == [ran(_IN, sqlstate="P0001"), _NEXT]
    assert not watched.tap.busy


def test_nothing_can_hide_behind_the_data_of_a_copy_that_fails_before_it(cut: int) -> None:
    watched = Watched(cut)
    watched.client(extended(_IN) + SYNC + _DATA + COPY_DONE + extended("next") + SYNC)
    watched.upstream(_BEGUN + failed("P0001") + READY + done("SELECT 1") + READY)
    assert watched.told == [ran(_IN, copied_bytes=9, sqlstate="P0001"), _NEXT]
    assert not watched.tap.busy


def test_a_copy_that_fails_before_its_data_may_have_both_its_syncs_answered(cut: int) -> None:
    """libpq sends the second one behind the data's end."""
    watched = Watched(cut)
    watched.client(extended(_IN) + SYNC)
    watched.upstream(_BEGUN + failed("P0001") + READY)
    watched.client(_DATA + COPY_DONE + SYNC)
    watched.upstream(READY)
    watched.client(extended("next") + SYNC)
    watched.upstream(done("SELECT 1") + READY)
    assert watched.told == [ran(_IN, sqlstate="P0001"), _NEXT]
    assert not watched.tap.busy


def test_behind_a_copy_without_a_sync_that_fails_all_is_skipped(cut: int) -> None:
    watched = Watched(cut)
    watched.client(extended(_IN))
    watched.upstream(_BEGUN + failed("P0001"))
    watched.client(_DATA + COPY_DONE + extended("skipped") + SYNC + extended("next") + SYNC)
    watched.upstream(READY + done("SELECT 1") + READY)
    assert watched.told == [ran(_IN, sqlstate="P0001"), _NEXT]
    assert not watched.tap.busy


def test_a_query_that_fails_may_have_its_syncs_answered(cut: int) -> None:
    watched = Watched(cut)
    watched.client(query(_IN) + SYNC + copy_data(b"x\n") + SYNC + COPY_DONE + SYNC + query("next"))
    watched.upstream(COPY_IN + failed("22P02") + READY * 3 + complete("SELECT 1") + READY)
    assert [event.statement for event in watched.events] == [_IN, "next"]
    assert watched.told[1] == ran("next", "SELECT 1", rows=1, protocol="simple")
    assert not watched.tap.busy


def test_a_copy_that_fails_before_it_begins_ignores_nothing(cut: int) -> None:
    watched = Watched(cut)
    watched.client(extended(_IN) + SYNC + extended("next") + SYNC)
    watched.upstream(PARSED + failed("42P01") + READY + done("SELECT 1") + READY)
    assert watched.told == [ran(_IN, sqlstate="42P01"), _NEXT]


def test_copied_bytes_are_their_own_statements(cut: int) -> None:
    """A statement sent ahead, while another copies, has copied nothing."""
    watched = Watched(cut)
    watched.client(query("COPY t TO STDOUT") + query("SELECT 1") + parse("x") + SYNC)
    watched.upstream(_OUT + READY + complete("SELECT 1") + READY + PARSED + READY)
    assert [event.copied_bytes for event in watched.events] == [5, 0]

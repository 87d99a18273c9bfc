"""Texts that are cut have their digest told, of which no password can be guessed."""

import hashlib

import pytest

from tests.protocols.postgres.queries import (
    PARSED,
    READY,
    SYNC,
    Watched,
    bind,
    complete,
    done,
    execute,
    extended,
    parse,
    query,
)

_LONG = "SELECT '" + "x" * 70_000 + "'"
_CUTS = [1_000, 65_536, 65_545, 1 << 30]


def _sha(sql: str) -> str:
    return hashlib.sha256(sql.encode()).hexdigest()


@pytest.mark.parametrize("cut", _CUTS)
@pytest.mark.parametrize("size", [65_537, 65_540, 131_072, 300_000])
def test_a_text_that_is_cut_has_the_digest_of_the_whole(cut: int, size: int) -> None:
    watched = Watched(cut)
    sql = "SELECT '" + "x" * (size - 9) + "'"
    watched.client(query(sql) + parse(sql, b"name", types=3) + extended(sql) + SYNC)
    watched.upstream(complete("A") + READY + PARSED + done("B") + READY)
    (prepared,) = watched.prepared
    told = [(e.statement, e.statement_bytes, e.statement_sha256) for e in watched.events]
    told += [(prepared.statement, prepared.statement_bytes, prepared.statement_sha256)]
    assert [told[1:] for told in told] == [(size, _sha(sql))] * 3
    assert all(sql.startswith(statement) for statement, _, _ in told)


@pytest.mark.parametrize("cut", [1 << 14, 1 << 30])
@pytest.mark.parametrize("size", [0, 100, 65_535])
def test_a_text_that_is_whole_has_none(cut: int, size: int) -> None:
    watched = Watched(cut)
    watched.client(query("x" * size) + extended("x" * size) + SYNC)
    watched.upstream(complete("A") + READY + done("B") + READY)
    assert [event.statement_sha256 for event in watched.events] == [None, None]


def test_a_text_that_just_fits_has_none() -> None:
    watched = Watched()
    watched.client(query("x" * 65_536))
    watched.upstream(complete("A") + READY)
    event = watched.events[0]
    assert (event.statement, event.statement_sha256) == ("x" * 65_536, None)


@pytest.mark.parametrize("cut", _CUTS)
def test_what_comes_behind_a_long_message_is_read(cut: int) -> None:
    watched = Watched(cut)
    watched.client(query(_LONG) + query("SELECT 2") + query(_LONG) + query("SELECT 3"))
    watched.upstream((complete("SELECT 1") + READY) * 4)
    assert [event.statement[:9] for event in watched.events] == [
        *("SELECT 'x", "SELECT 2", "SELECT 'x", "SELECT 3")
    ]
    assert watched.events[2].statement_sha256 == _sha(_LONG)


@pytest.mark.parametrize("cut", _CUTS)
@pytest.mark.parametrize(
    "said", ["PASSWORD 's3cret'", "password", "dblink('postgres://joe:s3cret@db')"]
)
@pytest.mark.parametrize("where", [0, 65_500, 65_525, 65_534, 65_540, 80_000])
def test_a_text_that_may_say_a_password_has_none(cut: int, said: str, where: int) -> None:
    """Also where it says so behind what is kept: who knows the rest could try passwords."""
    watched = Watched(cut)
    sql = "x" * where + said + "x" * 70_000
    watched.client(query(sql) + extended(sql) + SYNC)
    watched.upstream(complete("A") + READY + done("B") + READY)
    for event in watched.events:
        assert (event.statement_bytes, event.statement_sha256) == (len(sql), None)
        assert "s3cret" not in event.statement


def test_a_uri_that_is_cut_before_its_host_is_not_told() -> None:
    watched = Watched()
    sql = "SELECT '" + "x" * 65_492 + "postgres://joe:s3cret" + "s3cret" * 50 + "@db"
    watched.client(query(sql))
    watched.upstream(complete("A") + READY)
    assert watched.events[0].statement.endswith("postgres://joe:***")


def test_half_a_character_at_the_cut_is_left_out() -> None:
    watched = Watched()
    watched.client(query("x" + "é" * 40_000))
    watched.upstream(complete("A") + READY)
    assert watched.events[0].statement == "x" + "é" * 32_767
    assert watched.events[0].statement_bytes == 80_001


def test_a_text_that_never_came_whole_has_none() -> None:
    watched = Watched()
    watched.client(query(_LONG)[:-1])
    watched.tap.close()
    assert watched.events[0].statement_sha256 is None
    assert not watched.events[0].finished


def test_a_text_that_was_cut_for_want_of_room_has_it_too() -> None:
    watched = Watched()
    texts = [f"SELECT {n:05} --" + "x" * 60_000 for n in range(200)]
    watched.client(b"".join(parse(text) + bind() + execute() for text in texts) + SYNC)
    watched.upstream(b"".join(done("SELECT 1") for _ in texts) + READY)
    last = watched.events[-1]
    assert last.statement == texts[-1][:1_000]
    assert (last.statement_bytes, last.statement_sha256) == (60_015, _sha(texts[-1]))

"""Statements in the text protocol, commands that are none, and what is not the protocol."""

import hashlib
import struct

import pytest

from protocols.errors import ClientProtocolError, Reason, ServerProtocolError
from protocols.mysql.capabilities import Capability
from protocols.mysql.events import MysqlCommand
from tests.protocols.mysql.conversation import (
    MODERN,
    MORE,
    NO_ESCAPES,
    OK,
    PING,
    PLAIN,
    QUIT,
    Watched,
    answer,
    change_user,
    close_statement,
    column,
    command,
    done,
    end,
    failed,
    long_data,
    numbered,
    query,
    ran,
    result,
    row,
)
from tests.protocols.mysql.server import packet

_ATTRIBUTES = MODERN | Capability.QUERY_ATTRIBUTES
_METADATA = MODERN | Capability.OPTIONAL_RESULTSET_METADATA
_CACHED = MODERN | Capability.CACHE_METADATA
_SELECT = result([row(b"1")])


@pytest.mark.parametrize("modern", [False, True])
def test_a_query_is_told_when_it_is_done(cut: int, modern: bool) -> None:
    watched = Watched(cut, MODERN if modern else PLAIN)
    answered = result([row(b"1"), row(b"2")], modern=modern, columns=3)
    watched.client(query("SELECT 1"))
    watched.now = 0.0125
    watched.upstream(answered[:-1])
    assert watched.events == []
    assert watched.tap.busy
    watched.upstream(answered[-1:])
    assert watched.told == [ran("SELECT 1", rows=2)]
    assert watched.events[0].duration_ms == 12.5
    assert not watched.tap.busy


def test_what_a_statement_did_is_told(cut: int) -> None:
    watched = Watched(cut)
    watched.client(query("UPDATE t") + query("bad"))
    watched.upstream(answer(done(250, warnings=3)) + answer(failed(1064, "42000")))
    assert watched.told == [
        ran("UPDATE t", affected_rows=250, warnings=3),
        ran("bad", error_code=1064, sqlstate="42000"),
    ]


@pytest.mark.parametrize(
    ("affected", "packed"),
    [
        (251, b"\xfc\xfb\0"),
        (70_000, b"\xfd\x70\x11\1"),
        (1 << 40, b"\xfe" + struct.pack("<Q", 1 << 40)),
    ],
)
def test_many_affected_rows_are_told(cut: int, affected: int, packed: bytes) -> None:
    for insert_id in (b"\0", b"\xfe" + bytes(7) + b"\1"):
        watched = Watched(cut)
        watched.client(query("DELETE"))
        watched.upstream(answer(b"\0" + packed + insert_id + b"\2\0\1\0" + b"\x20some words" * 20))
        assert watched.told == [ran("DELETE", affected_rows=affected, warnings=1)]


@pytest.mark.parametrize("modern", [False, True])
def test_several_statements_of_one_query_are_one_event(cut: int, modern: bool) -> None:
    watched = Watched(cut, MODERN if modern else PLAIN)
    watched.client(query("SELECT 1; UPDATE t; SELECT 2; UPDATE t") + query("SELECT 3"))
    first = result([row(b"1")] * 3, modern=modern, status=2 | MORE)
    second = answer(done(5, status=2 | MORE, warnings=1))
    third = result([], modern=modern, status=2 | MORE)
    watched.upstream(first + second + third)
    assert watched.events == []
    watched.upstream(answer(done(6)) + result([row(b"3")], modern=modern))
    assert watched.told == [
        ran("SELECT 1; UPDATE t; SELECT 2; UPDATE t", rows=3, affected_rows=11, warnings=1),
        ran("SELECT 3", rows=1),
    ]


def test_of_several_statements_one_may_fail(cut: int) -> None:
    watched = Watched(cut)
    watched.client(query("SELECT 1; bad; SELECT 2") + query("SELECT 3"))
    watched.upstream(result([row(b"1")], status=2 | MORE) + packet(6, failed()) + _SELECT)
    assert watched.told == [
        ran("SELECT 1; bad; SELECT 2", rows=1, error_code=1064, sqlstate="42000"),
        ran("SELECT 3", rows=1),
    ]


def test_a_result_may_fail_among_its_rows_or_columns(cut: int) -> None:
    watched = Watched(cut)
    watched.client(query("a") + query("b") + query("c"))
    watched.upstream(numbered(1, b"\1", column(), end(False), row(b"1"), row(b"2"), failed(1317)))
    watched.upstream(numbered(1, b"\2", column(), failed(1053)) + _SELECT)
    assert [(event.rows, event.error_code) for event in watched.events] == [
        (2, 1317),
        (0, 1053),
        (1, None),
    ]


def test_a_client_may_send_ahead(cut: int) -> None:
    """proxysql#1138, #1463: MariaDB's connectors do not wait for answers."""
    watched = Watched(cut)
    watched.client(
        query("a") + close_statement(1) + command(PING) + long_data(1, 0, b"x") + query("b")
    )
    watched.upstream(answer(done(1)))
    assert [event.statement for event in watched.events] == ["a"]
    watched.upstream(OK + answer(done(2)))
    assert watched.told == [ran("a", affected_rows=1), ran("b", affected_rows=2)]
    assert not watched.tap.busy


def test_a_row_that_looks_like_packets_ends_nothing(cut: int) -> None:
    forged = [row(answer(done(9)) + answer(failed())), row(b"\xfe\0\0\2\0"), b"\xfb" + row(b"\xff")]
    for capabilities in (PLAIN, MODERN):
        watched = Watched(cut, capabilities)
        watched.client(query("SELECT forged"))
        watched.upstream(result(forged, modern=watched.modern))
        assert watched.told == [ran("SELECT forged", rows=3)]


def test_the_end_of_rows_may_tell_much_of_the_session(cut: int) -> None:
    """Long as it is, it is no row, where ends are OKs."""
    watched = Watched(cut, MODERN)
    watched.client(query("SELECT 1") + query("SELECT 2"))
    state = b"\0" + b"\xfc\xe8\3" + b"s" * 1_000
    watched.upstream(numbered(1, b"\1", column(), row(b"1"), end(True, status=0x4002) + state))
    watched.upstream(result([], modern=True))
    assert watched.told == [ran("SELECT 1", rows=1), ran("SELECT 2")]


@pytest.mark.parametrize("capabilities", [PLAIN, MODERN])
def test_a_row_of_more_than_16_mib_is_a_row(capabilities: Capability) -> None:
    """It begins with 0xFE, as an end does, and goes on in a packet that may look like one too."""
    watched = Watched(65_536, capabilities)
    watched.client(query("SELECT long") + query("SELECT 1"))
    full = b"\xfe" + struct.pack("<Q", 1 << 24) + bytes((1 << 24) - 10)
    packets = [
        b"\1",
        column(),
        *([] if watched.modern else [end(False)]),
        full,
        end(watched.modern),
    ]
    watched.upstream(numbered(1, *packets, b"\1b", end(watched.modern)))
    watched.upstream(result([row(b"1")], modern=watched.modern))
    assert watched.told == [ran("SELECT long", rows=2), ran("SELECT 1", rows=1)]


def test_columns_may_be_left_out_where_that_was_agreed(cut: int) -> None:
    for capabilities in (_METADATA, _CACHED):
        watched = Watched(cut, capabilities)
        watched.client(query("a") + query("b"))
        watched.upstream(numbered(1, b"\2\1", column(), column(), row(b"1", b"2"), end(True)))
        watched.upstream(numbered(1, b"\2\0", row(b"3", b"4"), row(b"5", b"6"), end(True)))
        assert [event.rows for event in watched.events] == [1, 2]


def test_a_report_of_progress_answers_nothing(cut: int) -> None:
    watched = Watched(cut, PLAIN | Capability.PROGRESS)
    watched.client(query("ALTER TABLE t"))
    progress = b"\xff\xff\xff\1\2\2\0\0\0\x0dEnabling keys"
    watched.upstream(numbered(1, progress, progress, done(3)))
    assert watched.told == [ran("ALTER TABLE t", affected_rows=3)]


def test_without_progress_agreed_it_is_an_error(cut: int) -> None:
    watched = Watched(cut)
    watched.client(query("ALTER TABLE t"))
    watched.upstream(answer(b"\xff\xff\xffno"))
    assert watched.told == [ran("ALTER TABLE t", error_code=0xFFFF)]


# -- texts ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [65_535, 65_536, 65_537, 131_071, 131_072, 200_000])
def test_a_long_statement_is_cut_and_its_size_and_digest_told(size: int) -> None:
    sql = ("SELECT '" + "é" * size)[:size]
    raw = sql.encode()[:size]
    for cut in (1_000, 65_536, 1 << 30):
        watched = Watched(cut)
        watched.client(query(raw) + query("SELECT 1"))
        watched.upstream(_SELECT + _SELECT)
        event = watched.events[0]
        assert event.statement == raw[:65_536].decode(errors="surrogateescape")
        assert event.statement_bytes == size
        digest = hashlib.sha256(raw).hexdigest()
        assert event.statement_sha256 == (digest if size > 65_536 else None)
        assert watched.told[1] == ran("SELECT 1", rows=1)


def test_a_statement_of_several_packets_is_one() -> None:
    """proxysql#1350: the second one begins like another command, and an empty one like none."""
    full = (1 << 24) - 1
    for last in (b"", b"\x01", b"\x12 not a dump"):
        sql = b"x" * (full - 1) + last
        watched = Watched(60_000)
        watched.client(numbered(0, b"\x03" + sql[: full - 1], last) + query("SELECT 1"))
        watched.upstream(packet(2, done()) + _SELECT)
        assert [event.statement_bytes for event in watched.events] == [len(sql), 8]
        assert watched.events[0].statement_sha256 == hashlib.sha256(sql).hexdigest()
        assert watched.commands == []


def test_a_redacted_statement_has_no_digest() -> None:
    watched = Watched()
    watched.client(query("SET PASSWORD = 's3cret' -- " + "x" * 70_000))
    watched.upstream(OK)
    assert watched.events[0].statement.startswith("SET PASSWORD = '***' -- xx")
    assert watched.events[0].statement_sha256 is None


def test_bytes_of_any_character_set_are_told_without_loss(cut: int) -> None:
    watched = Watched(cut)
    sql = "SELECT '茅'".encode("gbk") + b" \xff\\'"
    watched.client(query(sql))
    watched.upstream(_SELECT)
    assert watched.events[0].statement.encode(errors="surrogateescape") == sql


def test_where_a_literal_ends_is_as_the_session_says(cut: int) -> None:
    sql = r"CREATE USER a IDENTIFIED BY 'x\', b IDENTIFIED BY 's3cret'"
    watched = Watched(cut)
    watched.client(query("SET sql_mode = NO_BACKSLASH_ESCAPES"))
    watched.upstream(answer(done(status=2 | NO_ESCAPES)))
    watched.client(query(sql))
    watched.upstream(OK)
    told = "CREATE USER a IDENTIFIED BY '***', b IDENTIFIED BY '***'"
    assert watched.events[1].statement == told


def test_in_gbk_a_backslash_may_be_half_of_a_character(cut: int) -> None:
    watched = Watched(cut)
    watched.client(query("CALL choose_gbk()"))  # which no audit can know
    watched.upstream(OK)
    watched.client(query(b"CREATE USER a IDENTIFIED BY 'x\xbf\\', b IDENTIFIED BY 's3cret'"))
    watched.upstream(OK)
    assert "s3cret" not in watched.events[1].statement


def test_attributes_stand_before_a_statement(cut: int) -> None:
    watched = Watched(cut, _ATTRIBUTES)
    attributes = b"\2\1\2\1\xfd\0\5trace\3\0\1n\4abcd"
    watched.client(query(b"\0\1SELECT 1") + query(attributes + b"SELECT 2"))
    watched.upstream(result([], modern=True) * 2)
    assert watched.told == [ran("SELECT 1"), ran("SELECT 2")]


@pytest.mark.parametrize(
    "malformed",
    [
        b"",
        b"\1\1",
        b"\1\1\0\0\xfd\0\1n\1aSELECT 1",
        b"\1\1\0\1\xfd\0\1n\xfaSELECT 1",
        b"\xfe" + b"\xff" * 8 + b"\1SELECT 1",
        b"\1\1\0\1\xfd\0\1n\xfd\0\0\1" + b"a" * 65_536 + b"SELECT 1",
    ],
)
def test_a_statement_that_attributes_hide_ends_the_session(malformed: bytes) -> None:
    for cut in (1_000, 1 << 30):
        with pytest.raises(ClientProtocolError, match="query attributes") as caught:
            Watched(cut, _ATTRIBUTES).client(query(malformed))
        assert caught.value.reason is Reason.OVERSIZED


def test_attributes_shorten_no_statement() -> None:
    watched = Watched(capabilities=_ATTRIBUTES)
    attributes = b"\1\1\0\1\xfd\0\1n\xfd\0\xf0\0" + b"a" * 0xF000
    watched.client(query(attributes + b"x" * 65_536))
    watched.upstream(OK)
    assert watched.told == [ran("x" * 65_536)]


# -- other commands -------------------------------------------------------------------------------


def _told(name: str, detail: str = "", **more: object) -> MysqlCommand:
    usual = {"duration_ms": 0.0, "error_code": None, "sqlstate": None, "finished": True}
    return MysqlCommand(name, detail, **(usual | more))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("payload", "answered", "told"),
    [
        (b"\x02shop", OK, _told("COM_INIT_DB", "shop")),
        (b"\x05new", OK, _told("COM_CREATE_DB", "new")),
        (
            b"\x06old",
            answer(failed(1008, "HY000")),
            _told("COM_DROP_DB", "old", error_code=1008, sqlstate="HY000"),
        ),
        (b"\x04t\0%", numbered(1, column(), column(), end(False)), _told("COM_FIELD_LIST", "t")),
        (b"\x04t\0%", answer(end(False)), _told("COM_FIELD_LIST", "t")),
        (b"\x07\x04", OK, _told("COM_REFRESH", "4")),
        (b"\x08\0", answer(end(False)), _told("COM_SHUTDOWN")),
        (b"\x0a", _SELECT, _told("COM_PROCESS_INFO")),
        (b"\x0c\x39\5\0\0", OK, _told("COM_PROCESS_KILL", "1337")),
        (b"\x0d", answer(end(False)), _told("COM_DEBUG")),
        (b"\x1b\0\0", answer(end(False)), _told("COM_SET_OPTION", "0")),
        (b"\x1f", OK, _told("COM_RESET_CONNECTION")),
        (b"\x21", answer(failed(1227)), _told("command 0x21", error_code=1227, sqlstate="42000")),
        (b"\x20", answer(failed(1227)), _told("COM_CLONE", error_code=1227, sqlstate="42000")),
        (b"", answer(failed(1047, "08S01")), _told("COM_SLEEP", error_code=1047, sqlstate="08S01")),
        (
            b"\x12" + struct.pack("<IHI", 4, 0, 7) + b"bin.000001",
            numbered(1, b"\0event", b"\0another", b"\0" * 400, end(False)),
            _told("COM_BINLOG_DUMP", "bin.000001 from 4"),
        ),
    ],
)
def test_a_command_that_is_no_statement(
    cut: int, payload: bytes, answered: bytes, told: MysqlCommand
) -> None:
    watched = Watched(cut)
    watched.client(command(payload) + query("SELECT 1"))
    watched.upstream(answered + _SELECT)
    assert watched.commands == [told]
    assert watched.told == [ran("SELECT 1", rows=1)]


@pytest.mark.parametrize(
    ("payload", "answered"),
    [
        (PING, OK),
        (b"\x09", answer(b"Uptime: 1  Threads: 2")),
        (b"\x09", answer(b"\0 not an OK")),
        (b"\x1a\1\0\0\0", OK),
        (b"\x1a\1\0\0\0", answer(failed())),
    ],
)
def test_what_reads_and_changes_nothing_is_not_told(
    cut: int, payload: bytes, answered: bytes
) -> None:
    watched = Watched(cut)
    watched.client(command(payload) + query("SELECT 1"))
    watched.upstream(answered + _SELECT)
    assert watched.commands == []
    assert watched.told == [ran("SELECT 1", rows=1)]


def test_a_change_of_user_is_told_without_its_proof(cut: int) -> None:
    watched = Watched(cut)
    watched.client(change_user("bob", answer=b"\1" * 20))
    watched.upstream(answer(b"\xfemysql_native_password\0" + b"s" * 21))
    assert watched.commands == []
    watched.client(packet(2, b"\3 no statement" + bytes(6)))
    watched.upstream(packet(3, done()))
    watched.client(query("SELECT 1"))
    watched.upstream(_SELECT)
    assert watched.commands == [_told("COM_CHANGE_USER", "bob")]
    assert watched.told == [ran("SELECT 1", rows=1)]


def test_a_change_of_user_may_take_the_fast_path(cut: int) -> None:
    watched = Watched(cut)
    watched.client(change_user("bob"))
    watched.upstream(answer(b"\xfecaching_sha2_password\0" + b"s" * 21))
    watched.client(packet(2, b"p" * 32))
    watched.upstream(numbered(3, b"\1\3", done()))
    assert watched.commands == [_told("COM_CHANGE_USER", "bob")]
    assert not watched.tap.busy


def test_answers_that_nobody_asked_for_are_passed_over(cut: int) -> None:
    watched = Watched(cut)
    watched.upstream(OK + _SELECT + packet(9, b"\xfb/etc/passwd"))
    watched.tap.close()
    assert watched.events == []


# -- what is not the protocol ---------------------------------------------------------------------


@pytest.mark.parametrize("number", [1, 2, 255])
def test_a_packet_out_of_its_turn_ends_the_session(cut: int, number: int) -> None:
    watched = Watched(cut)
    watched.client(query("SELECT 1"))
    with pytest.raises(ClientProtocolError, match="nobody asked"):
        watched.client(packet(number, b"\x03DROP TABLE t"))


@pytest.mark.parametrize(
    "malformed",
    [
        b"",
        b"\0",
        b"\0\0\0\2\0",
        b"\0\xfc\1",
        b"\0\xff\0\2\0\0\0",
        b"\xfd\1",
        b"\xff",
        b"\xff\1",
        b"\xfe\0\0\2\0",
    ],
)
def test_an_answer_that_is_none_ends_the_session(cut: int, malformed: bytes) -> None:
    watched = Watched(cut)
    watched.client(query("SELECT 1"))
    with pytest.raises(ServerProtocolError, match="malformed answer"):
        watched.upstream(answer(malformed))


@pytest.mark.parametrize("instead", [row(b"1"), b"\0\0\0\2\0\0\0", b"\xfe" + bytes(8)])
def test_columns_must_have_an_end(cut: int, instead: bytes) -> None:
    watched = Watched(cut)
    watched.client(query("SELECT 1"))
    with pytest.raises(ServerProtocolError, match="malformed answer"):
        watched.upstream(numbered(1, b"\1", column(), instead))


def test_a_prepared_statement_must_be_announced_by_ok(cut: int) -> None:
    watched = Watched(cut)
    watched.client(command(b"\x16SELECT 1"))
    with pytest.raises(ServerProtocolError, match="malformed answer"):
        watched.upstream(answer(b"\3" + bytes(11)))


def test_behind_goodbye_nobody_waits() -> None:
    watched = Watched()
    watched.client(query("SELECT 1") + command(QUIT))
    assert not watched.tap.busy

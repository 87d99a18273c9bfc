"""Prepared statements: texts, parameters, cursors, and MariaDB's ways of running them."""

import struct

import pytest

from protocols.mysql.capabilities import Capability
from protocols.mysql.events import MysqlPrepare
from protocols.mysql.login import MysqlOptions
from tests.protocols.mysql.conversation import (
    CURSOR,
    EXECUTE_LAST,
    LAST_ROW,
    MODERN,
    OK,
    PLAIN,
    Watched,
    answer,
    change_user,
    close_statement,
    column,
    command,
    done,
    end,
    execute,
    executed,
    failed,
    fetch,
    long_data,
    numbered,
    prepare,
    prepared,
    ran,
    result,
    row,
)

_AUDITED = MysqlOptions(audit_parameters=True)
_ATTRIBUTES = MODERN | Capability.QUERY_ATTRIBUTES
_METADATA = MODERN | Capability.OPTIONAL_RESULTSET_METADATA
_INT, _TEXT = b"\3\0", b"\xfd\0"


def _bound(types: bytes, values: bytes, nulls: bytes = b"\0") -> bytes:
    return nulls + b"\1" + types + values


def _again(values: bytes, nulls: bytes = b"\0") -> bytes:
    """Parameters of the same types as before."""
    return nulls + b"\0" + values


def _int(value: int) -> bytes:
    return struct.pack("<i", value)


def _prepared(watched: Watched, number: int, sql: str, parameters: int = 0) -> None:
    watched.client(prepare(sql))
    watched.upstream(prepared(number, parameters, 1, modern=watched.modern))


@pytest.mark.parametrize("modern", [False, True])
@pytest.mark.parametrize(("parameters", "columns"), [(0, 0), (2, 0), (0, 3), (2, 3)])
def test_what_is_prepared_is_told_once_it_exists(
    cut: int, modern: bool, parameters: int, columns: int
) -> None:
    watched = Watched(cut, MODERN if modern else PLAIN)
    watched.client(prepare("SELECT ?"))
    assert watched.prepared == []
    answered = prepared(7, parameters, columns, modern=modern)
    first, rest = answered[:16], answered[16:]
    watched.upstream(first)
    assert watched.tap.busy == bool(rest)
    watched.upstream(rest)
    assert watched.prepared == [MysqlPrepare(7, "SELECT ?", 8, None, parameters)]
    assert not watched.tap.busy
    watched.client(execute(7))
    watched.upstream(OK)
    assert watched.told == [executed("SELECT ?")]


def test_definitions_may_be_left_out(cut: int) -> None:
    watched = Watched(cut, _METADATA)
    watched.client(prepare("a") + prepare("b"))
    head = struct.pack("<IHHBH", 1, 2, 1, 0, 0)
    watched.upstream(answer(b"\0" + head + b"\0"))
    watched.upstream(numbered(1, b"\0" + head + b"\1", column(), column(), column()))
    assert [told.statement for told in watched.prepared] == ["a", "b"]
    assert not watched.tap.busy


def test_what_cannot_be_prepared_is_told_as_a_statement(cut: int) -> None:
    watched = Watched(cut)
    watched.client(prepare("bad"))
    watched.upstream(answer(failed()))
    assert watched.prepared == []
    told = ran("bad", protocol="prepared", command="COM_STMT_PREPARE")
    told.error_code, told.sqlstate = 1064, "42000"
    assert watched.told == [told]


def test_a_statement_is_found_by_its_id(cut: int) -> None:
    watched = Watched(cut)
    _prepared(watched, 1, "first")
    _prepared(watched, 2, "second")
    watched.client(execute(2) + execute(1) + close_statement(2) + execute(2) + execute(9))
    watched.upstream(result([row(b"\0\0")]) + answer(done(3)) + answer(failed(1243)) * 2)
    assert [(e.statement, e.rows, e.affected_rows, e.error_code) for e in watched.events] == [
        ("second", 1, 0, None),
        ("first", 0, 3, None),
        ("", 0, 0, 1243),
        ("", 0, 0, 1243),
    ]


def test_a_statement_that_is_closed_behind_its_execution_is_still_known(cut: int) -> None:
    watched = Watched(cut)
    _prepared(watched, 1, "SELECT 1")
    watched.client(execute(1) + close_statement(1))
    watched.upstream(result([row(b"\0\0")]))
    assert watched.told == [executed("SELECT 1", rows=1)]


def test_mariadb_runs_what_was_prepared_last_before_it_has_a_number(cut: int) -> None:
    watched = Watched(cut, options=_AUDITED)
    watched.client(prepare("SELECT ?") + execute(EXECUTE_LAST, _bound(_INT, _int(5))))
    watched.client(prepare("bad") + execute(EXECUTE_LAST))
    watched.upstream(prepared(4, 1, 1) + result([row(b"\0\0")]))
    watched.upstream(answer(failed()) + answer(failed(1243, "HY000")))
    assert watched.prepared == [MysqlPrepare(4, "SELECT ?", 8, None, 1)]
    assert watched.told[0] == executed("SELECT ?", rows=1, parameters=("5",))
    assert [(event.statement, event.error_code) for event in watched.events[1:]] == [
        ("bad", 1064),
        ("bad", 1243),
    ]


def test_a_client_that_guesses_a_number_hides_nothing(cut: int) -> None:
    watched = Watched(cut, options=_AUDITED)
    bound = _bound(_INT, _int(5))
    watched.client(prepare("DROP ?") + execute(1, bound) + close_statement(1) + execute(1, bound))
    watched.upstream(prepared(1, 1) + OK + answer(failed(1243)))
    assert [(event.statement, event.parameters) for event in watched.events] == [
        ("DROP ?", None),
        ("DROP ?", None),
    ]


def test_types_that_were_told_to_a_guessed_number_are_unknown(cut: int) -> None:
    watched = Watched(cut, options=_AUDITED)
    last = execute(EXECUTE_LAST, _bound(_TEXT, b"\2hi"))
    guessed = execute(1, _bound(_INT, _int(5)))
    watched.client(prepare("INSERT ?") + last + guessed + execute(EXECUTE_LAST, _again(_int(6))))
    watched.upstream(prepared(1, 1) + OK * 3)
    assert [event.parameters for event in watched.events] == [("hi",), None, None]


@pytest.mark.parametrize("forgetting", [command(b"\x1f"), change_user(plugin="")])
def test_behind_a_reset_the_statements_are_gone(cut: int, forgetting: bytes) -> None:
    watched = Watched(cut)
    _prepared(watched, 1, "SELECT 1")
    watched.client(forgetting)
    watched.upstream(answer(failed(1047)))
    watched.client(execute(1) + forgetting)
    watched.upstream(OK + OK)
    watched.client(execute(1))
    watched.upstream(answer(failed(1243)))
    assert [event.statement for event in watched.events] == ["SELECT 1", ""]


@pytest.mark.parametrize("modern", [False, True])
def test_a_cursors_rows_are_told_as_they_are_fetched(cut: int, modern: bool) -> None:
    watched = Watched(cut, MODERN if modern else PLAIN)
    _prepared(watched, 1, "SELECT n")
    opened = numbered(1, b"\1", column(), end(modern, status=2 | CURSOR))
    binary = b"\0\0\5"
    watched.client(execute(1, flags=1) + fetch(1, 2) + fetch(1, 2) + fetch(1, 2) + execute(1))
    watched.upstream(opened + numbered(1, binary, binary, end(modern, status=2 | CURSOR)))
    watched.upstream(numbered(1, binary, end(modern, status=2 | LAST_ROW)))
    watched.upstream(answer(failed(1421)) + result([binary], modern=modern))
    fetched = {"protocol": "prepared", "command": "COM_STMT_FETCH"}
    assert watched.told == [
        executed("SELECT n"),
        ran("SELECT n", rows=2, **fetched),
        ran("SELECT n", rows=1, **fetched),
        ran("SELECT n", error_code=1421, sqlstate="42000", **fetched),
        executed("SELECT n", rows=1),
    ]


def test_a_fetch_may_give_no_row(cut: int) -> None:
    watched = Watched(cut)
    watched.client(fetch(1, 2) + command(b"\x0e"))
    watched.upstream(answer(end(False)) + OK)
    assert [event.rows for event in watched.events] == [0]
    assert not watched.tap.busy


# -- parameters -----------------------------------------------------------------------------------


def test_parameters_are_told_where_the_role_says_so(cut: int) -> None:
    for options in (MysqlOptions(), _AUDITED):
        watched = Watched(cut, options=options)
        _prepared(watched, 1, "INSERT ?, ?", 2)
        watched.client(execute(1, _bound(_INT + _TEXT, _int(-7) + b"\2hi")))
        watched.upstream(OK)
        assert watched.events[0].parameters == (("-7", "hi") if options is _AUDITED else None)


def test_types_hold_for_the_next_execution(cut: int) -> None:
    """proxysql#3585."""
    watched = Watched(cut, options=_AUDITED)
    _prepared(watched, 1, "INSERT ?, ?", 2)
    _prepared(watched, 2, "DELETE ?", 1)
    watched.client(execute(1, _bound(_INT + _TEXT, _int(1) + b"\1a")))
    watched.client(execute(2, _bound(_TEXT, b"\1z")))
    watched.client(execute(1, _again(_int(2) + b"\1b")) + execute(2, _again(b"\1y")))
    watched.client(execute(1, _again(b"\1c", nulls=b"\1")))
    watched.upstream(OK + OK + answer(failed()) + OK + OK)
    told = [event.parameters for event in watched.events]
    assert told == [("1", "a"), ("z",), ("2", "b"), ("y",), (None, "c")]


def test_types_that_were_never_told_leave_parameters_unknown(cut: int) -> None:
    watched = Watched(cut, options=_AUDITED)
    _prepared(watched, 1, "INSERT ?", 1)
    watched.client(execute(1, _again(_int(1))) + execute(9, _bound(_INT, _int(1))))
    watched.upstream(OK + OK)
    assert [event.parameters for event in watched.events] == [None, None]


def test_long_data_is_sent_ahead(cut: int) -> None:
    watched = Watched(cut, options=_AUDITED)
    _prepared(watched, 1, "INSERT ?, ?, ?", 3)
    watched.client(long_data(1, 1, b"two ") + long_data(1, 1, b"pieces") + long_data(1, 2, b""))
    watched.client(execute(1, _bound(_INT + _TEXT * 2, _int(1))))
    watched.client(execute(1, _again(_int(2) + b"\1b\1c")))
    watched.upstream(OK + OK)
    told = [event.parameters for event in watched.events]
    assert told == [("1", "two pieces", ""), ("2", "b", "c")]


def test_a_reset_of_the_statement_takes_long_data_back(cut: int) -> None:
    watched = Watched(cut, options=_AUDITED)
    _prepared(watched, 1, "INSERT ?", 1)
    watched.client(long_data(1, 0, b"lost") + command(b"\x1a\1\0\0\0"))
    watched.client(execute(1, _bound(_TEXT, b"\4kept")))
    watched.upstream(OK + OK)
    assert watched.events[0].parameters == ("kept",)


@pytest.mark.parametrize("flags", [0, 8])
def test_attributes_stand_behind_parameters(cut: int, flags: int) -> None:
    watched = Watched(cut, _ATTRIBUTES, options=_AUDITED)
    _prepared(watched, 1, "INSERT ?", 1)
    named = b"\2\0\1" + _INT + b"\0" + _TEXT + b"\5trace" + _int(6) + b"\4abcd"
    watched.client(execute(1, named, flags=flags))
    watched.upstream(OK)
    assert watched.events[0].parameters == ("6",)


def test_attributes_of_a_statement_without_parameters_are_none_of_them(cut: int) -> None:
    watched = Watched(cut, _ATTRIBUTES, options=_AUDITED)
    _prepared(watched, 1, "INSERT 1")
    named = b"\1\0\1" + _TEXT + b"\5trace" + b"\4abcd"
    watched.client(execute(1, named, flags=8) + execute(1))
    watched.upstream(OK + OK)
    assert [event.parameters for event in watched.events] == [(), ()]


def test_mariadbs_bulk_execution_tells_every_row(cut: int) -> None:
    """Teleport records none of them."""
    watched = Watched(cut, options=_AUDITED)
    _prepared(watched, 3, "INSERT ?, ?", 2)
    rows = b"\0" + _int(1) + b"\0\1a" + b"\0" + _int(2) + b"\1" + b"\2\3"
    watched.client(command(b"\xfa\3\0\0\0\x80\0" + _INT + _TEXT + rows))
    watched.client(command(b"\xfa\xff\xff\xff\xff\0\0" + b"\0" + _int(9) + b"\0\1z"))
    watched.upstream(answer(done(3)) + result([row(b"\0\0")]))
    bulk = {"protocol": "prepared", "command": "COM_STMT_BULK_EXECUTE"}
    told = (("1", "a"), ("2", None), ("DEFAULT", "IGNORE"))
    assert watched.told == [
        ran("INSERT ?, ?", affected_rows=3, parameters=told, **bulk),
        ran("INSERT ?, ?", rows=1, parameters=(("9", "z"),), **bulk),
    ]


def test_parameters_that_may_be_a_password_are_hidden(cut: int) -> None:
    watched = Watched(cut, options=_AUDITED)
    _prepared(watched, 1, "UPDATE users SET password = ? WHERE id = ?", 2)
    watched.client(execute(1, _bound(_TEXT + _INT, b"\6s3cret" + _int(1))))
    watched.upstream(OK)
    assert watched.events[0].parameters == ("***", "***")


def test_a_password_in_what_is_prepared_is_not_told(cut: int) -> None:
    watched = Watched(cut)
    _prepared(watched, 1, "ALTER USER a IDENTIFIED BY 's3cret'")
    watched.client(execute(1))
    watched.upstream(OK)
    assert watched.prepared[0].statement == "ALTER USER a IDENTIFIED BY '***'"
    assert watched.events[0].statement == "ALTER USER a IDENTIFIED BY '***'"


def test_many_parameters_are_told_as_far_as_they_go(cut: int) -> None:
    for count in (1_000, 5_000, 40_000):
        watched = Watched(max(cut, 1_000), options=_AUDITED)
        _prepared(watched, 1, "INSERT", count)
        bound = _bound(_INT * count, _int(5) * count, bytes((count + 7) // 8))
        watched.client(execute(1, bound))
        watched.upstream(OK)
        told = watched.events[0].parameters
        assert told == ("5",) * 1_000 if count < 40_000 else told in (None, ("5",) * 1_000)


@pytest.mark.parametrize("cut_off", range(1, 14))
def test_parameters_that_end_too_early_are_told_as_far_as_they_are_there(cut_off: int) -> None:
    watched = Watched(options=_AUDITED)
    _prepared(watched, 1, "INSERT ?, ?", 2)
    whole = execute(1, _bound(_INT + _TEXT, _int(5) + b"\2hi"))
    payload = whole[4:-cut_off]
    watched.client(command(payload))
    watched.upstream(OK)
    told = watched.events[0].parameters
    assert told is None or told == ("5", "hi")[: len(told)]

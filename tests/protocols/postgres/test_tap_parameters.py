"""What a statement was bound to is told where the role asks for it."""

import struct
import tracemalloc
from dataclasses import replace

import pytest

from protocols.postgres.reports import PostgresQuery
from tests.protocols.postgres.queries import (
    BOUND,
    COLUMNS,
    NO_DATA,
    PARSED,
    READY,
    SUSPENDED,
    SYNC,
    Watched,
    bind_to,
    complete,
    describe,
    done,
    execute,
    failed,
    message,
    parse,
    query,
    row,
    values,
)

_SELECT = "SELECT * FROM t WHERE id = $1 AND name = $2"
_ONE = struct.pack(">i", 1)
_DESCRIBED = message(b"t", struct.pack(">hII", 2, 23, 25)) + COLUMNS
_TOLD = ("1", "joe")
_BYTES = ("\\x00000001", "\\x6a6f65")


def _told(watched: Watched) -> list[object]:
    return [event.parameters for event in watched.events]


def test_without_being_asked_they_are_not_told(cut: int) -> None:
    watched = Watched(cut)
    call = message(b"F", b"\0\0\3\xb9" + values((), b"1") + bytes(2))
    watched.client(parse(_SELECT) + bind_to(b"1", b"joe") + execute() + SYNC + call)
    watched.upstream(done("SELECT 0") + READY + message(b"V", bytes(4)) + READY)
    assert _told(watched) == [None, None]


def test_text(cut: int) -> None:
    watched = Watched(cut, parameters=True)
    watched.client(parse(_SELECT) + bind_to(b"1", b"joe") + execute() + SYNC)
    watched.client(parse("SELECT 1") + bind_to() + execute() + SYNC + query("SELECT 2"))
    watched.upstream((done("SELECT 0") + READY) * 2 + complete("SELECT 1") + READY)
    assert _told(watched) == [_TOLD, (), None]


def test_binary_by_the_types_that_parse_says(cut: int) -> None:
    watched = Watched(cut, parameters=True)
    types = struct.pack(">hII", 2, 23, 25)
    watched.client(message(b"P", b"\0" + _SELECT.encode() + b"\0" + types))
    watched.client(bind_to(_ONE, b"joe", formats=(1,)) + execute() + SYNC)
    watched.upstream(done("SELECT 0") + READY)
    assert _told(watched) == [_TOLD]


@pytest.mark.parametrize("cut", [1_000, 70_010, 1 << 30])
def test_binary_by_the_types_behind_a_long_statement(cut: int) -> None:
    watched = Watched(cut, parameters=True)
    types = struct.pack(">h", 20_000) + struct.pack(">I", 23) * 20_000
    watched.client(message(b"P", b"\0" + b"x" * 70_000 + b"\0" + types))
    watched.client(bind_to(*[_ONE] * 500, formats=(1,)) + execute() + SYNC)
    watched.upstream(done("SELECT 0") + READY)
    assert _told(watched) == [("1",) * 500]


@pytest.mark.parametrize("ahead", [True, False], ids=["ahead", "in turn"])
def test_binary_by_the_types_that_upstream_described(cut: int, ahead: bool) -> None:
    watched = Watched(cut, parameters=True)
    run = bind_to(_ONE, b"joe", formats=(1,), statement=b"s") + execute() + SYNC
    watched.client(parse(_SELECT, b"s") + describe(b"S", b"s") + (run * 2 if ahead else SYNC))
    watched.upstream(PARSED + _DESCRIBED + (b"" if ahead else READY))
    watched.client(b"" if ahead else run * 2)
    watched.upstream((BOUND + complete("SELECT 0") + READY) * 2)
    assert _told(watched) == [_TOLD, _TOLD]


def test_binary_of_types_that_nobody_said_is_told_as_bytes(cut: int) -> None:
    watched = Watched(cut, parameters=True)
    run = bind_to(_ONE, b"joe", formats=(1,)) + describe(b"P") + execute() + SYNC
    watched.client(parse(_SELECT) + run)
    watched.upstream(PARSED + BOUND + COLUMNS + complete("SELECT 0") + READY)
    assert _told(watched) == [_BYTES]


def test_a_statement_parsed_anew_has_other_types(cut: int) -> None:
    watched = Watched(cut, parameters=True)
    watched.client(parse(_SELECT) + describe(b"S") + parse(_SELECT))
    watched.client(bind_to(_ONE, b"joe", formats=(1,)) + execute() + SYNC)
    watched.upstream(PARSED + _DESCRIBED + done("SELECT 0") + READY)
    assert _told(watched) == [_BYTES]


def test_a_description_of_what_is_not_known_changes_nothing(cut: int) -> None:
    watched = Watched(cut, parameters=True)
    watched.client(describe(b"S", b"by SQL") + bind_to(_ONE, statement=b"by SQL") + execute())
    watched.client(parse("SELECT $1") + bind_to(_ONE, formats=(1,)) + execute() + SYNC)
    watched.upstream(message(b"t", b"\0\1\0\0\0\x17") + NO_DATA + BOUND + complete("SELECT 0"))
    watched.upstream(done("SELECT 0") + READY)
    assert _told(watched)[1] == ("\\x00000001",)


def test_a_bind_that_fails_has_them(cut: int) -> None:
    watched = Watched(cut, parameters=True)
    watched.client(parse(_SELECT) + bind_to(b"x", b"joe") + execute() + SYNC)
    watched.upstream(PARSED + failed("22P02") + READY)
    assert (watched.events[0].statement, watched.events[0].sqlstate) == (_SELECT, "22P02")
    assert _told(watched) == [("x", "joe")]


def test_a_run_in_pieces_has_them(cut: int) -> None:
    watched = Watched(cut, parameters=True)
    watched.client(parse(_SELECT) + bind_to(b"1", b"joe") + execute(b"", 1) * 2 + SYNC)
    watched.upstream(PARSED + BOUND + row(b"1") + SUSPENDED + complete("SELECT 1") + READY)
    assert _told(watched) == [_TOLD]


def test_what_was_not_answered_has_them(cut: int) -> None:
    watched = Watched(cut, parameters=True)
    watched.client(parse(_SELECT) + bind_to(b"1", b"joe") + execute() + SYNC)
    watched.tap.close()
    assert _told(watched) == [_TOLD]


def test_a_function_call_has_its_arguments(cut: int) -> None:
    watched = Watched(cut, parameters=True)
    arguments = values((0, 1), b"1", b"\0\1")
    watched.client(message(b"F", struct.pack(">I", 953) + arguments + bytes(2)))
    watched.client(message(b"F", struct.pack(">I", 16_385) + arguments + bytes(2)))
    watched.upstream((message(b"V", bytes(4)) + READY) * 2)
    assert _told(watched) == [
        ("1", "\\x0001"),
        ("***", "***"),
    ]


@pytest.mark.parametrize("cut", [1_000, 65_536, 65_700, 1 << 30])
def test_behind_a_long_one_the_others_are_told(cut: int) -> None:
    watched = Watched(cut, parameters=True)
    blob = b"\xff" * 300_000
    watched.client(
        parse("UPDATE t SET blob = $1 WHERE id = $2") + bind_to(blob, b"7", formats=(1, 0))
    )
    watched.client(execute() + SYNC)
    watched.upstream(done("UPDATE 1") + READY)
    assert _told(watched) == [("\\x" + "ff" * 8_192, "7")]
    assert watched.events[0].parameters_cut == {"1": 300_000}
    assert not watched.tap.busy


# -- secrets --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT set_password($1)",
        "UPDATE users SET password = $1 WHERE id = $2",
        "INSERT INTO users (name, user_password) VALUES ($1, $2)",
        "SELECT set_config('app.PASSWORD', $1, false)",
        "SELECT dblink_connect('postgres://joe@db', $1)",
    ],
)
def test_of_a_statement_that_may_say_a_password_they_are_not(cut: int, sql: str) -> None:
    watched = Watched(cut, parameters=True)
    watched.client(parse(sql) + bind_to(b"s3cret", None) + execute() + SYNC)
    watched.upstream(done("SELECT 1") + READY)
    assert _told(watched) == [("***", None)]


def test_of_a_statement_that_is_not_known_they_are_not(cut: int) -> None:
    """It was made by SQL, or the audit has forgotten it: it may set a password."""
    watched = Watched(cut, parameters=True)
    watched.client(bind_to(b"s3cret", statement=b"by SQL") + execute() + SYNC)
    watched.upstream(BOUND + complete("SELECT 1") + READY)
    assert _told(watched) == [("***",)]


@pytest.mark.parametrize("where", [10, 80_000])
def test_of_a_long_statement_that_says_a_password_they_are_not(where: int) -> None:
    watched = Watched(parameters=True)
    sql = "x" * where + " password = $1 " + "x" * 70_000
    watched.client(parse(sql) + bind_to(b"s3cret") + execute() + SYNC)
    watched.upstream(done("SELECT 1") + READY)
    assert _told(watched) == [("***",)]


def test_of_a_long_statement_that_says_none_they_are() -> None:
    watched = Watched(parameters=True)
    watched.client(parse("x" * 70_000) + bind_to(b"1") + execute() + SYNC)
    watched.upstream(done("SELECT 1") + READY)
    assert _told(watched) == [("1",)]


def test_a_connection_string_in_a_value_is_told_without_its_password(cut: int) -> None:
    watched = Watched(cut, parameters=True)
    run = bind_to(b"host=db user=joe password=s3cret") + execute()
    watched.client(parse("SELECT dblink_connect($1)") + run + SYNC)
    watched.upstream(done("SELECT 1") + READY)
    told = ("host=db user=joe password=***",)
    assert _told(watched) == [told]


# -- memory ---------------------------------------------------------------------------------------


def _last(watched: Watched) -> PostgresQuery:
    return replace(watched.events[-1], duration_ms=0.0)


def test_of_many_portals_what_they_are_bound_to_is_kept_while_there_is_room() -> None:
    watched = Watched(parameters=True)
    watched.client(parse(_SELECT))
    watched.upstream(PARSED)
    tracemalloc.start()
    try:
        for number in range(3_000):
            name = b"%d\0\0" % number
            watched.client(
                message(b"B", name + values((), b"%d" % number, b"x" * 60_000) + bytes(2))
            )
            watched.upstream(BOUND)
        assert tracemalloc.get_traced_memory()[1] < 20 << 20
    finally:
        tracemalloc.stop()
    watched.client(execute(b"0"))
    watched.upstream(complete("SELECT 0"))
    assert _last(watched).parameters == ("0", "x" * 8_192)
    assert _last(watched).parameters_cut == {"2": 60_000}
    watched.client(execute(b"2999"))
    watched.upstream(complete("SELECT 0"))
    assert (_last(watched).parameters, _last(watched).parameters_cut) == ((), {"count": 2})
    assert _last(watched).statement == _SELECT


def test_of_many_binds_ahead_of_their_answers_too() -> None:
    watched = Watched(parameters=True)
    bound = bind_to(b"x" * 60_000)
    tracemalloc.start()
    try:
        for _ in range(2_000):
            watched.client(parse(_SELECT) + bound + execute())
        assert tracemalloc.get_traced_memory()[1] < 20 << 20
    finally:
        tracemalloc.stop()
    watched.upstream(done("SELECT 0") * 2_000)
    assert _told(watched)[:1] == [("x" * 8_192,)]
    assert _told(watched)[-1:] == [()]
    assert {str(event.parameters_cut) for event in watched.events} == {
        "{'1': 60000}",
        "{'count': 1}",
    }


def _prepared(number: int) -> bytes:
    types = struct.pack(">h", 16_000) + struct.pack(">I", 23) * 16_000
    return message(b"P", b"s%d\0x\0" % number + types)


def test_many_statements_of_very_many_parameters_stay_within_bounds() -> None:
    watched = Watched(parameters=True)
    tracemalloc.start()
    try:
        for number in range(5_000):
            watched.client(_prepared(number) + SYNC)
            watched.upstream(PARSED + READY)
        kept, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert kept < 20 << 20
    for name in (b"s0", b"s4999"):
        watched.client(bind_to(_ONE, formats=(1,), statement=name) + execute() + SYNC)
        watched.upstream(BOUND + complete("SELECT 0") + READY)
    assert _told(watched) == [("1",), ("\\x00000001",)]

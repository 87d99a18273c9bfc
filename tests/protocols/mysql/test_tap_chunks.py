"""The tap tells the same however a session's bytes were cut, and foreign bytes are a refusal."""

from contextlib import suppress
from dataclasses import replace
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from protocols.api import Event
from protocols.errors import Refusal
from protocols.mysql.events import MysqlQuery
from protocols.mysql.login import MysqlOptions
from tests.protocols.mysql.conversation import (
    CURSOR,
    LAST_ROW,
    MORE,
    OK,
    PING,
    QUIT,
    Gated,
    Watched,
    answer,
    change_user,
    close_statement,
    column,
    command,
    done,
    end,
    execute,
    failed,
    fetch,
    long_data,
    numbered,
    prepare,
    prepared,
    query,
    result,
    row,
)
from tests.protocols.mysql.server import packet

_LONG = "SELECT '" + "x" * 70_000 + "'"
_BOUND = b"\0\1\xfd\0\2hi"

# What the client says, and all that upstream answers to it.
_RECORDED = [
    (query("SELECT 1; SELECT 2"), result([row(b"1")], status=2 | MORE)),
    (b"", result([row(b"1"), row(b"2" * 200)], columns=2, first=6)),
    (prepare(_LONG) + command(PING), prepared(1, 1, 2) + OK),
    (long_data(1, 0, b"ahead") + execute(1, _BOUND) + execute(1, _BOUND), answer(done(1)) * 2),
    (query("bad") + query("UPDATE"), answer(failed()) + answer(done(7, warnings=2))),
    (execute(1, _BOUND, flags=1), numbered(1, b"\1", column(), end(False, status=2 | CURSOR))),
    (fetch(1, 2), numbered(1, b"\0\0\1", b"\0\0\2", end(False, status=2 | LAST_ROW))),
    (query("LOAD DATA LOCAL INFILE 'f' INTO TABLE t"), answer(b"\xfbf")),
    (numbered(2, b"\x03" * 300, b"\x11" * 40, b""), packet(5, done(3))),
    (command(b"\x02shop") + command(b"\x09"), OK + answer(b"Uptime: 1")),
    (close_statement(1) + command(b"\x1f"), OK),
    (change_user(), answer(b"\xfemysql_native_password\0" + bytes(21))),
    (packet(2, b"p" * 20), packet(3, done())),
    (query("cut short"), numbered(1, b"\1", column())),
]


def _watched(cut: int = 1 << 30) -> Watched:
    return Watched(cut, options=MysqlOptions(audit_parameters=True))


def _all(watched: Watched) -> list[Event]:
    watched.tap.close()
    return [*watched.events, *watched.prepared, *watched.commands]


def _told(cut: int) -> list[Event]:
    watched = _watched(cut)
    for asked, answered in _RECORDED:
        watched.client(asked)
        watched.upstream(answered)
    return _all(watched)


_EXPECTED = _told(1 << 30)


def test_the_recorded_session_tells_what_happened() -> None:
    watched = _watched()
    for asked, answered in _RECORDED:
        watched.client(asked)
        watched.upstream(answered)
    watched.tap.close()
    assert [
        (e.statement[:16], e.parameters, e.rows, e.affected_rows, e.error_code, e.finished)
        for e in watched.events
    ] == [
        ("SELECT 1; SELECT", None, 3, 0, None, True),
        (_LONG[:16], ("ahead",), 0, 1, None, True),
        (_LONG[:16], ("hi",), 0, 1, None, True),
        ("bad", None, 0, 0, 1064, True),
        ("UPDATE", None, 0, 7, None, True),
        (_LONG[:16], ("hi",), 0, 0, None, True),
        (_LONG[:16], None, 2, 0, None, True),
        ("LOAD DATA LOCAL ", None, 0, 3, None, True),
        ("cut short", None, 0, 0, None, False),
    ]
    assert [told.command for told in watched.commands] == [
        "COM_INIT_DB",
        "COM_RESET_CONNECTION",
        "COM_CHANGE_USER",
    ]


def _pieces(data: bytes, draw: st.DataObject) -> list[bytes]:
    positions = draw.draw(st.lists(st.integers(0, len(data)), max_size=8).map(sorted))
    return [data[a:b] for a, b in pairwise([0, *positions, len(data)])]


@settings(max_examples=25)
@given(st.data())
def test_it_is_all_one_how_the_bytes_were_cut(data: st.DataObject) -> None:
    watched = _watched()
    for asked, answered in _RECORDED:
        for piece in _pieces(asked, data):
            watched.client(piece)
        for piece in _pieces(answered, data):
            watched.upstream(piece)
    assert _all(watched) == _EXPECTED


def test_byte_by_byte() -> None:
    assert _told(1) == _EXPECTED


@given(st.integers(1, 6))
def test_it_is_all_one_how_far_ahead_the_client_was(turns: int) -> None:
    """But for values, of which nothing is known before the statement is."""
    watched = _watched()
    for asked, _ in _RECORDED[:turns]:
        watched.client(asked)
    for _, answered in _RECORDED[:turns]:
        watched.upstream(answered)
    for asked, answered in _RECORDED[turns:]:
        watched.client(asked)
        watched.upstream(answered)
    assert _without_values(_all(watched)) == _without_values(_EXPECTED)


def _without_values(events: list[Event]) -> list[Event]:
    return [replace(e, parameters=None) if isinstance(e, MysqlQuery) else e for e in events]


_codes = st.integers(0, 255).map(lambda code: bytes((code,)))
_commands = st.builds(lambda code, rest: command(code + rest), _codes, st.binary(max_size=12))
_answers = st.builds(
    lambda code, rest, number: packet(number, code + rest),
    st.sampled_from([b"\0", b"\1", b"\2", b"\xfb", b"\xfe", b"\xff"]) | _codes,
    st.binary(max_size=8),
    st.integers(0, 3),
)
_known = st.sampled_from(
    [OK, result([row(b"1")]), answer(failed()), query("x"), prepare("y"), command(QUIT), execute(1)]
)
_steps = st.tuples(st.booleans(), _commands | _answers | _known | st.binary(max_size=8))


@given(st.lists(_steps, max_size=40))
def test_foreign_bytes_raise_nothing_but_refusals(steps: list[tuple[bool, bytes]]) -> None:
    for cut in (3, 1 << 30):
        gated = Gated(cut, options=MysqlOptions(audit_parameters=True))
        with suppress(Refusal):
            for from_client, data in steps:
                (gated.to_upstream if from_client else gated.to_client)(data)
        gated.tap.close()
        assert not gated.tap.busy


@given(st.lists(_commands, max_size=40))
def test_every_statement_that_was_asked_is_told_once(commands: list[bytes]) -> None:
    watched = Watched()
    watched.client(b"".join(commands))
    watched.tap.close()
    told = len(watched.events) + len(watched.commands)
    unanswered_or_untold = (0x01, 0x18, 0x19, 0x09, 0x0E, 0x1A)
    assert told == sum(said[4] not in unanswered_or_untold for said in commands)

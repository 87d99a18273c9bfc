"""Handshakes that come to nothing: what the client is told, and that upstream's is finished."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.api import Connect, Disconnected, NeedLogin, Receive, Send, Side
from protocols.errors import LoginRejected, Reason, Refusal
from protocols.mysql.handshake import handshake
from protocols.mysql.login import MysqlOptions
from tests.protocols.mysql.server import (
    ACCOUNT,
    CLIENT,
    COMPRESS,
    MARIADB,
    MYSQL,
    NATIVE,
    QUIT,
    SESSION_TRACK,
    SHA2,
    SSL,
    Said,
    Script,
    error,
    greeting,
    head,
    nonce,
    numbered,
    ok,
    packet,
    packets,
    response,
    role,
    switch,
)
from tests.protocols.script import Turns

_HELLO = packet(0, greeting())
_IN: Turns = [_HELLO, numbered(2, b"\1\3", ok())]
_JOE: Turns = [packet(1, response())]
_DENIED = packet(2, error(1045, f"Access denied for user '{ACCOUNT}'@'%'", "28000"))


def _refused(script: Script) -> tuple[Refusal, bytes]:
    """The refusal, and what the client was told last."""
    with pytest.raises(Refusal) as caught:
        script.run(handshake(nonce))
    return caught.value, script.said(Side.CLIENT)[-1]


def _finished(script: Script) -> bool:
    """Whether upstream's login was finished and left in good order."""
    first, *_ = packets(script.upstream.received)
    return Said.decode(first[1]).user == ACCOUNT and script.said(Side.UPSTREAM)[-1] == QUIT


# -- before the greeting -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("reason", "code"),
    [
        (Reason.SECRET_UNAVAILABLE, 1105),
        (Reason.UNKNOWN_ROLE, 1045),
        (Reason.LIMIT_REACHED, 1040),
        (Reason.SHUTTING_DOWN, 1053),
    ],
)
def test_a_login_that_is_not_to_be_had_is_told(cut: int, reason: Reason, code: int) -> None:
    fault = Refusal(reason, "it cannot be had", detail="the operator's words")
    script = Script(_JOE, cut=cut, faults={0: fault})
    refusal, told = _refused(script)
    assert refusal is fault
    assert told == packet(0, error(code, "it cannot be had", None))
    assert script.connections == []


def test_an_upstream_that_cannot_be_reached_is_told(cut: int) -> None:
    fault = Refusal(Reason.UPSTREAM_UNREACHABLE, "it cannot be reached", detail="10.0.0.1")
    script = Script(_JOE, servers=[_IN], cut=cut, logins=[role()], faults={1: fault})
    assert isinstance(script.commands, list)
    _, told = _refused(script)
    assert isinstance(script.commands[1], Connect)
    assert told == packet(0, error(1105, "it cannot be reached", None))


@pytest.mark.parametrize(
    ("said", "code"),
    [
        (error(1040, "Too many connections", None), 1040),
        (error(1129, "Host '10.0.0.1' is blocked", None), 1129),
        (error(1130, "Host '10.0.0.1' is not allowed", None), 1130),
        (error(2003, "a client's own", None), 1105),
        (b"\x09" + greeting()[1:], 1105),
    ],
)
def test_an_upstream_that_refuses_at_once_is_told(cut: int, said: bytes, code: int) -> None:
    script = Script(_JOE, servers=[[packet(0, said)]], cut=cut, logins=[role()])
    refusal, told = _refused(script)
    assert told == packet(0, error(code, str(refusal), None))
    assert b"10.0.0.1" not in told


# -- after it ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("turns", "number", "code", "sqlstate"),
    [
        ([packet(1, response()[:33])], 2, 1043, "08S01"),
        ([packet(7, response())], 1, 1043, "08S01"),
        ([b"\xff\xff\xff\1"], 1, 1153, "08S01"),
        ([packet(1, b"\x05\0\0\0\1joe\0")], 2, 1235, "42000"),
        ([packet(1, head(CLIENT | SSL)) + b"in clear"], 2, 1043, "08S01"),
        ([packet(1, head(CLIENT | SSL)), packet(2, b"")], 3, 1235, "42000"),
        ([packet(1, response(database="other"))], 2, 1049, "42000"),
        ([packet(1, response(database="o", plugin=NATIVE)), packet(3, b"")], 4, 1049, "42000"),
    ],
)
def test_a_client_that_is_refused_is_told_why_and_upstream_is_left_in_good_order(
    turns: Turns, number: int, code: int, sqlstate: str
) -> None:
    script = Script(turns, servers=[_IN], logins=[role()])
    refusal, told = _refused(script)
    assert told == packet(number, error(code, str(refusal), sqlstate))
    assert _finished(script)


def test_a_client_that_is_too_slow_is_told(cut: int) -> None:
    slow = Refusal(Reason.MALFORMED, "the client did not finish its startup within 30 s")
    first = Script(_JOE, servers=[_IN], cut=cut, logins=[role()])
    first.run(handshake(nonce))
    number = next(i for i, c in enumerate(first.commands) if c == Receive(Side.CLIENT))
    script = Script(_JOE, servers=[_IN], cut=cut, logins=[role()], faults={number: slow})
    _, told = _refused(script)
    assert told == packet(1, error(1043, str(slow), "08S01"))
    assert _finished(script)


@pytest.mark.parametrize(
    ("said", "code", "sqlstate"),
    [
        (error(1045, f"Access denied for user '{ACCOUNT}'"), 1045, "28000"),
        (error(1049, "Unknown database 'app_db'"), 1049, "42000"),
        (error(1044, f"Access denied for user '{ACCOUNT}' to database"), 1049, "42000"),
        (error(1040, "Too many connections"), 1040, "08004"),
        (error(1053, "Server shutdown in progress"), 1053, "08S01"),
        (error(1251, "Client does not support"), 1251, "HY000"),
        (switch("dialog"), 1105, "HY000"),
        (b"\xfe", 1105, "HY000"),
        (b"?", 1105, "HY000"),
    ],
)
def test_an_upstream_that_does_not_let_us_in_is_told(
    cut: int, said: bytes, code: int, sqlstate: str
) -> None:
    script = Script(_JOE, servers=[[_HELLO, packet(2, said)]], cut=cut, logins=[role()])
    refusal, told = _refused(script)
    assert told == packet(2, error(code, str(refusal), sqlstate))
    assert 'upstream of role "app"' in str(refusal)
    assert ACCOUNT.encode() not in told
    assert b"app_db" not in told


def test_after_the_clients_proof_the_number_is_higher() -> None:
    turns = [packet(1, response(plugin=NATIVE)), packet(3, b"y" * 20)]
    script = Script(turns, servers=[[_HELLO, _DENIED]], logins=[role()])
    refusal, told = _refused(script)
    assert told == packet(4, error(1045, str(refusal), "28000"))


def test_where_no_login_is_left_the_last_refusal_is_told(cut: int) -> None:
    servers: list[Turns] = [[_HELLO, _DENIED], [_HELLO, _DENIED]]
    logins = [role(), role(password="newer")]
    script = Script(_JOE, servers=servers, logins=logins, cut=cut)
    refusal, told = _refused(script)
    assert isinstance(refusal, LoginRejected)
    assert len(script.connections) == 2
    assert told == packet(2, error(1045, str(refusal), "28000"))


@pytest.mark.parametrize(
    "second",
    [greeting(capabilities=MYSQL & ~SESSION_TRACK), greeting("11.8.9-MariaDB", MARIADB, NATIVE)],
)
def test_a_second_server_must_do_what_the_first_has_promised(second: bytes) -> None:
    said = [packet(1, response(capabilities=CLIENT | SESSION_TRACK))]
    servers: list[Turns] = [[_HELLO, _DENIED], [packet(0, second), packet(2, ok())]]
    script = Script(said, servers=servers, logins=[role(), role(password="newer")])
    refusal, told = _refused(script)
    assert refusal.reason is Reason.UPSTREAM_BROKEN
    assert "offers less now than a moment ago" in str(refusal)
    assert told == packet(2, error(1105, str(refusal)))


def test_a_login_may_be_unavailable_the_second_time(cut: int) -> None:
    fault = Refusal(Reason.SECRET_UNAVAILABLE, "it cannot be read")
    script = Script(_JOE, servers=[[_HELLO, _DENIED]], cut=cut, logins=[role()])
    with pytest.raises(LoginRejected):
        script.run(handshake(nonce))
    number = max(i for i, c in enumerate(script.commands) if isinstance(c, NeedLogin))
    again = Script(
        _JOE, servers=[[_HELLO, _DENIED]], cut=cut, logins=[role()], faults={number: fault}
    )
    refusal, told = _refused(again)
    assert refusal is fault
    assert told == packet(2, error(1105, "it cannot be read"))


# -- clients that are gone -----------------------------------------------------------------------


@pytest.mark.parametrize("tls", [False, True])
def test_a_client_may_leave_anywhere_and_upstreams_handshake_is_finished(tls: bool) -> None:
    flags = CLIENT | SSL if tls else CLIENT
    request = [packet(1, head(flags))] if tls else []
    said = packet(1 + len(request), response(capabilities=flags, plugin=NATIVE))
    turns = [*request, said, packet(3 + len(request), b"y" * 20)]
    for turn, whole in enumerate(turns):
        for size in range(len(whole)):
            script = Script([*turns[:turn], whole[:size]], servers=[_IN], logins=[role()])
            with pytest.raises(Disconnected):
                script.run(handshake(nonce))
            assert _finished(script)


def test_a_client_that_is_gone_when_it_is_let_in_leaves_upstream_in_good_order() -> None:
    whole = Script(_JOE, servers=[_IN], logins=[role()])
    whole.run(handshake(nonce))
    last = len(whole.commands) - 1
    assert whole.commands[last] == Send(Side.CLIENT, packet(2, ok()))
    gone = Disconnected(Side.CLIENT)
    script = Script(_JOE, servers=[_IN], logins=[role()], faults={last: gone})
    with pytest.raises(Disconnected):
        script.run(handshake(nonce))
    assert _finished(script)


def test_it_says_so_in_the_frame_that_was_agreed_on() -> None:
    said = [packet(1, response(capabilities=CLIENT | COMPRESS))]
    whole = Script(said, servers=[_IN], logins=[role()])
    whole.run(handshake(nonce))
    faults = {len(whole.commands) - 1: Disconnected(Side.CLIENT)}
    script = Script(said, servers=[_IN], logins=[role()], faults=faults)
    with pytest.raises(Disconnected):
        script.run(handshake(nonce))
    assert script.said(Side.UPSTREAM)[-1] == b"\5\0\0\0\0\0\0" + QUIT


def test_nothing_is_finished_that_was_not_begun() -> None:
    """The client is gone before upstream is called: then there is nothing to leave."""
    script = Script(_JOE, faults={0: Disconnected(Side.CLIENT)})
    with pytest.raises(Disconnected):
        script.run(handshake(nonce))
    assert len(script.commands) == 1


def test_a_fault_in_any_command_ends_the_handshake() -> None:
    turns = [packet(1, head(CLIENT | SSL)), packet(2, response(plugin=NATIVE)), packet(4, b"")]
    server: Turns = [_HELLO, packet(2, switch(SHA2)), numbered(4, b"\1\4"), packet(6, ok())]

    def script(**more: object) -> Script:
        options = MysqlOptions(allow_public_key_retrieval=True)
        login = role(options=options, password="")
        return Script(turns, servers=[server], logins=[login], **more)  # type: ignore[arg-type]

    whole = script()
    with pytest.raises(Refusal):
        whole.run(handshake(nonce))
    for number in range(len(whole.commands)):
        for fault in (Refusal(Reason.INTERNAL, "a fault"), Disconnected(Side.CLIENT)):
            with pytest.raises((Refusal, Disconnected)):
                script(faults={number: fault}).run(handshake(nonce))


# -- bytes that nobody meant ----------------------------------------------------------------------


@given(
    st.sampled_from(["client", "server"]),
    st.integers(0, 400),
    st.binary(min_size=1, max_size=4),
    st.integers(1, 1 << 20),
)
def test_whatever_bytes_come_it_ends_in_a_refusal_or_a_session(
    who: str, place: int, garbage: bytes, cut: int
) -> None:
    """A ValueError would be taken for a bug of ours, for it is one."""
    options = MysqlOptions(allow_public_key_retrieval=True)
    said = response(answer=b"x" * 32, database="app_db", attributes=b"\1a\1b", zstd_level=3)
    turns: dict[str, Turns] = {
        "client": [packet(1, said), packet(3, b"y" * 20)],
        "server": [_HELLO, packet(2, switch("parsec", b"z" * 32)), packet(4, b"P\0" + b"s" * 18)],
    }
    turns["server"] = [*turns["server"], packet(6, ok())]
    turns[who] = _spoilt(turns[who], place, garbage)
    login = role(options=options)
    script = Script(turns["client"], servers=[turns["server"]], logins=[login], patient=False)
    script.cut = cut
    with suppress(Refusal, Disconnected):
        script.run(handshake(nonce))


def _spoilt(turns: Turns, place: int, garbage: bytes) -> Turns:
    """With some bytes of one turn replaced."""
    turn = place % len(turns)
    whole = turns[turn]
    begin = place % len(whole)
    changed = whole[:begin] + garbage + whole[begin + len(garbage) :]
    return [*turns[:turn], changed, *turns[turn + 1 :]]

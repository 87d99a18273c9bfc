"""The whole handshake over scripted bytes: who is told what, in which order, and what is left."""

import struct

import pytest

from protocols.api import (
    CancelRequest,
    Connect,
    Flow,
    Login,
    NeedLogin,
    Send,
    Side,
    StartTls,
    TlsMode,
    Wish,
)
from protocols.errors import LoginRejected, Reason, Refusal
from protocols.postgres.handshake import handshake
from tests.protocols.postgres.server import (
    ACCOUNT,
    GREETINGS,
    KEY,
    OK,
    PARAMETERS,
    READY,
    ScramServer,
    error,
    nonce,
    role,
)
from tests.protocols.script import Script, Turns
from tests.wire import cancel_request, message, query, startup

_SSL = struct.pack(">ii", 8, 80877103)
_GSSENC = struct.pack(">ii", 8, 80877104)
_TRUST = role(TlsMode.DISABLE, "none")
_LET_IN = OK + GREETINGS


def _script(
    client: bytes, server: bytes = _LET_IN, cut: int = 1 << 20, **settings: object
) -> Script:
    login = role(TlsMode.DISABLE, "none", **settings)
    return Script([client], servers=[[server]], cut=cut, logins=[login])


def _run(script: Script) -> Flow:
    flow = script.run(handshake(nonce))
    assert isinstance(flow, Flow)
    return flow


def _refused(script: Script) -> tuple[Refusal, bytes]:
    """The refusal, and what the client was told last."""
    with pytest.raises(Refusal) as caught:
        script.run(handshake(nonce))
    return caught.value, script.said(Side.CLIENT)[-1]


def test_both_sides_are_let_in(cut: int) -> None:
    server = ScramServer()
    turns: Turns = [b"S", *server.turns]
    said = startup(user="joe", application_name="psql")
    script = Script([_GSSENC, _SSL, said], [turns], cut, [role(TlsMode.VERIFY_FULL)])
    flow = _run(script)
    assert script.said(Side.CLIENT) == [b"N", b"S", _LET_IN]
    sent = script.said(Side.UPSTREAM)
    assert sent[:2] == [_SSL, startup(user=ACCOUNT, database="app_db", application_name="psql")]
    assert server.accepts(sent[-1][5:])
    assert flow.cancel_key == KEY
    assert flow.facts == {
        "server_version": "17.2 (Debian 17.2-1)",
        "tls": "TLSv1.3",
        "method": "scram-sha-256",
        "database": "app_db",
    }


def test_steps_come_in_their_order() -> None:
    login = role(TlsMode.REQUIRE, "none")
    said = startup(user="joe", database="app", application_name="psql")
    script = Script([_SSL, said], servers=[[b"S", _LET_IN]], logins=[login])
    _run(script)
    steps = [c for c in script.commands if isinstance(c, NeedLogin | Connect | StartTls | Send)]
    assert steps == [
        Send(Side.CLIENT, b"S"),
        StartTls(Side.CLIENT),
        NeedLogin(Wish("joe", "app", "psql")),
        Connect(login),
        Send(Side.UPSTREAM, _SSL),
        StartTls(Side.UPSTREAM),
        Send(Side.UPSTREAM, startup(user=ACCOUNT, database="app_db", application_name="psql")),
        Send(Side.CLIENT, _LET_IN),
    ]


def test_what_was_read_too_much_is_handed_on(cut: int) -> None:
    """Byte by byte nothing is read too much, so that what is left over is still on its way."""
    notification = message(b"A", b"\0\0\0\1channel\0payload\0")
    asked = query("SELECT 1")
    script = _script(startup(user="joe") + asked, _LET_IN + notification, cut)
    flow = _run(script)
    assert flow.from_client + script.to_client.unread == asked
    assert flow.from_upstream + script.upstream.unread == notification
    assert script.said(Side.CLIENT) == [_LET_IN]


@pytest.mark.parametrize(
    ("secret", "key"), [(b"four", KEY), (bytes(256), b"\0\0\0\7" + bytes(256))]
)
def test_upstreams_cancel_key_is_the_clients(cut: int, secret: bytes, key: bytes) -> None:
    script = _script(startup(0x30002, user="joe"), OK + message(b"K", key) + READY, cut)
    assert _run(script).cancel_key == key
    assert script.said(Side.CLIENT) == [OK + message(b"K", key) + READY]


def test_where_upstream_sends_no_key_none_is_sent(cut: int) -> None:
    script = _script(startup(user="joe"), OK + PARAMETERS + READY, cut)
    assert _run(script).cancel_key is None
    assert script.said(Side.CLIENT) == [OK + PARAMETERS + READY]


@pytest.mark.parametrize("before", [[], [_SSL], [_GSSENC, _SSL]])
def test_a_cancel_request_needs_no_login(cut: int, before: list[bytes]) -> None:
    script = Script([*before, cancel_request(KEY)], cut=cut)
    assert script.run(handshake(nonce)) == CancelRequest(KEY)
    assert not any(isinstance(command, NeedLogin) for command in script.commands)


# -- refusals -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("client", "code"),
    [
        (b"GET / HTTP/1.1\r\n\r\n", b"08P01"),
        (_SSL + startup(user="joe"), b"08P01"),
        (cancel_request(b"short"), b"08P01"),
        (startup(0x20000, user="joe"), b"0A000"),
        (startup(database="shop"), b"28000"),
    ],
)
def test_a_client_that_is_refused_is_told_why(client: bytes, code: bytes) -> None:
    script = Script([client])
    refusal, told = _refused(script)
    assert told == error(code.decode(), str(refusal))
    assert script.connections == []


@pytest.mark.parametrize(
    "reason", [Reason.SECRET_UNAVAILABLE, Reason.UNKNOWN_ROLE, Reason.LIMIT_REACHED]
)
def test_a_login_that_is_not_to_be_had_is_told(cut: int, reason: Reason) -> None:
    script = _script(startup(user="joe"), cut=cut)
    number = _command_number(script, NeedLogin)
    fault = Refusal(reason, "it cannot be had", detail="the operator's words")
    refused = Script([startup(user="joe")], cut=cut, faults={number: fault})
    refusal, told = _refused(refused)
    assert refusal is fault
    assert b"it cannot be had" in told
    assert b"operator" not in told


def test_an_upstream_that_cannot_be_reached_is_told(cut: int) -> None:
    script = _script(startup(user="joe"), cut=cut)
    number = _command_number(script, Connect)
    fault = Refusal(Reason.UPSTREAM_UNREACHABLE, "cannot be reached", detail="10.0.0.1:5432")
    _, told = _refused(
        Script([startup(user="joe")], cut=cut, logins=[_TRUST], faults={number: fault})
    )
    assert told == error("08006", "cannot be reached")


def _command_number(script: Script, kind: type[NeedLogin] | type[Connect]) -> int:
    _run(script)
    return script.number(kind)


# -- a credential that upstream refuses -----------------------------------------------------------

_REJECTION = error("28P01", f'password authentication failed for user "{ACCOUNT}"')
_ALLOWED: dict[str, Login] = {
    name: role(TlsMode.DISABLE, "none", user=name) for name in ("first", "second", "third")
}


@pytest.mark.parametrize("code", ["28P01", "28000"])
def test_a_refused_login_is_followed_by_another(cut: int, code: str) -> None:
    rejection = error(code, "no")
    servers = [[rejection], [rejection], [_LET_IN]]
    script = Script([startup(user="joe")], servers, cut, logins=[*_ALLOWED.values()])
    _run(script)
    assert script.said(Side.CLIENT) == [_LET_IN]
    for name, connection in zip(_ALLOWED, script.connections, strict=True):
        assert connection.received == startup(user=name, database="app_db")
    first, *later = [c for c in script.commands if isinstance(c, NeedLogin)]
    assert first.rejected is None
    assert [type(need.rejected) for need in later] == [LoginRejected, LoginRejected]
    assert {need.wish for need in later} == {Wish("joe")}


def test_without_another_login_the_refusal_is_told_without_the_account(cut: int) -> None:
    script = _script(startup(user="joe"), _REJECTION, cut)
    refusal, told = _refused(script)
    assert isinstance(refusal, LoginRejected)
    assert told == error("28000", str(refusal))
    assert b'role "app"' in told
    assert ACCOUNT.encode() not in told
    assert ACCOUNT in refusal.detail


@pytest.mark.parametrize("code", ["57P03", "53300", "3D000", "42501"])
def test_another_login_is_not_tried_where_it_would_not_help(cut: int, code: str) -> None:
    script = Script([startup(user="joe")], [[error(code, "no")]], cut, logins=[*_ALLOWED.values()])
    _, told = _refused(script)
    assert b"C" + code.encode() + b"\0" in told
    assert len(script.connections) == 1


def test_a_credential_is_not_refused_by_an_error_after_it_was_accepted(cut: int) -> None:
    server = [OK + error("28000", "role is not permitted to log in")]
    script = Script([startup(user="joe")], [server], cut, logins=[*_ALLOWED.values()])
    _, told = _refused(script)
    assert told == error("28000", "role is not permitted to log in")
    assert len(script.connections) == 1

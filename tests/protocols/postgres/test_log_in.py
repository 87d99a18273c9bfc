"""The role's hosts in turn: which is taken, which is passed over, and where the search ends."""

import pytest

from protocols.api import Connect, TcpEndpoint, TlsMode, UnixEndpoint
from protocols.errors import LoginRejected, Reason, Refusal
from protocols.postgres.demands import TargetSession
from protocols.postgres.log_in import log_in, try_login
from protocols.postgres.login import PostgresLogin
from protocols.postgres.messages import StartupMessage
from protocols.postgres.session import Session
from tests.protocols.postgres.server import (
    GREETINGS,
    OK,
    ScramServer,
    authentication,
    error,
    nonce,
    parameter,
    role,
)
from tests.protocols.script import Fault, Script, Turns
from tests.wire import message, startup

_STARTUP = StartupMessage((3, 0), {"user": "somebody", "database": "shop"})
_HOSTS = (TcpEndpoint("one", 5432), UnixEndpoint("/two/.s.PGSQL.5432"), TcpEndpoint("three", 6432))
_TRUST = OK + GREETINGS
_UNREACHABLE = Refusal(Reason.UPSTREAM_UNREACHABLE, "no", detail="Connection refused")
_TOO_SLOW = Refusal(Reason.UPSTREAM_UNREACHABLE, "upstream did not answer within 1 s")
_STARTING = [error("57P03", "the database system is starting up")]


def _login(**settings: object) -> PostgresLogin:
    hosts = {"endpoint": _HOSTS[0], "fallbacks": _HOSTS[1:]}
    return role(TlsMode.DISABLE, "none", "scram-sha-256", **hosts | settings)


def _log_in(script: Script, login: PostgresLogin) -> Session:
    return script.run(log_in(login, _STARTUP, nonce))


def _asked(script: Script) -> list[object]:
    return [c.login.endpoint for c in script.commands if isinstance(c, Connect)]


@pytest.mark.parametrize(
    "first",
    [
        _UNREACHABLE,
        _TOO_SLOW,
        _STARTING,
        [*ScramServer().turns[:2], *_STARTING],
        [OK + _STARTING[0]],
        [],  # gone without a word
        [*ScramServer().turns[:1]],
    ],
)
def test_a_host_that_is_not_there_is_passed_over(cut: int, first: Turns | Fault) -> None:
    script = Script(servers=[first, [_TRUST]], cut=cut)
    assert _log_in(script, _login()).facts["host"] == "unix:/two/.s.PGSQL.5432"
    assert _asked(script) == list(_HOSTS[:2])
    assert script.upstream.received == _STARTUP.encode()


@pytest.mark.parametrize(
    "first",
    [
        [error("28P01", "wrong password")],
        [error("28000", "no pg_hba.conf entry")],
        [error("53300", "too many connections")],
        [error("3D000", "no such database")],
        [error("42501", "denied")],
        [authentication(3)],
        [authentication(9)],
        [authentication(10, b"SCRAM-SHA-256\0\0"), OK],
        [b"HTTP/1.1 400 Bad Request\r\n"],
        Refusal(Reason.SECRET_UNAVAILABLE, "not set up correctly"),
    ],
)
def test_a_host_that_refuses_ends_the_search(cut: int, first: Turns | Fault) -> None:
    script = Script(servers=[first, [_TRUST]], cut=cut)
    with pytest.raises(Refusal):
        _log_in(script, _login())
    assert _asked(script) == [_HOSTS[0]]


def test_a_credential_that_the_second_refuses_is_refused(cut: int) -> None:
    script = Script(servers=[_STARTING, [error("28P01", "wrong")], [_TRUST]], cut=cut)
    with pytest.raises(LoginRejected, match="refused the login"):
        _log_in(script, _login())
    assert _asked(script) == list(_HOSTS[:2])


def test_each_connection_is_made_for_one_host(cut: int) -> None:
    """So that the session knows where it is, and its cancel request goes there."""
    script = Script(servers=[_UNREACHABLE, _UNREACHABLE, [_TRUST]], cut=cut)
    _log_in(script, _login())
    for command in script.commands:
        if isinstance(command, Connect):
            assert isinstance(command.login, PostgresLogin)
            assert command.login.fallbacks == ()


@pytest.mark.parametrize(
    ("servers", "reason"),
    [
        ([_UNREACHABLE, _TOO_SLOW, []], Reason.UPSTREAM_UNREACHABLE),
        ([_UNREACHABLE, _STARTING, _TOO_SLOW], Reason.UPSTREAM_STARTING),
    ],
)
def test_where_none_is_there_the_role_is_named_and_each_reason_told(
    cut: int, servers: list[Turns | Fault], reason: Reason
) -> None:
    with pytest.raises(Refusal) as caught:
        _log_in(Script(servers=servers, cut=cut), _login())
    assert caught.value.reason is reason
    assert str(caught.value) == 'upstream of role "app": none of its 3 hosts can be used'
    told = caught.value.detail.split("; ")
    assert told[0] == "one:5432: Connection refused"
    assert [place.rpartition(": ")[0] for place in told] == list(map(str, _HOSTS))
    assert any(end in told[-1] for end in ("closed the connection", "did not answer"))


def test_one_host_alone_speaks_for_itself(cut: int) -> None:
    for fault in (_UNREACHABLE, _TOO_SLOW):
        with pytest.raises(Refusal) as caught:
            _log_in(Script(servers=[fault], cut=cut), _login(fallbacks=()))
        assert caught.value is fault
    session = _log_in(Script(servers=[[_TRUST]], cut=cut), _login(fallbacks=()))
    assert "host" not in session.facts


def _server(hot_standby: str) -> list[bytes]:
    said = parameter("in_hot_standby", hot_standby)
    return [OK + said + parameter("default_transaction_read_only", "off") + GREETINGS]


@pytest.mark.parametrize(
    ("wanted", "servers", "taken"),
    [
        ("any", ["on"], 0),
        ("primary", ["on", "on", "off"], 2),
        ("read-write", ["on", "off"], 1),
        ("standby", ["off", "on"], 1),
        ("read-only", ["off", "on"], 1),
        ("prefer-standby", ["off", "on"], 1),
        ("prefer-standby", ["off", "off", "off", "off"], 0),
    ],
)
def test_the_first_host_is_taken_that_is_what_the_role_wants(
    cut: int, wanted: str, servers: list[str], taken: int
) -> None:
    script = Script(servers=list(map(_server, servers)), cut=cut)
    session = _log_in(script, _login(target_session=TargetSession(wanted)))
    assert session.facts["host"] == str(_HOSTS[taken])
    left = [connection.received[-5:] == message(b"X") for connection in script.connections]
    assert left == [True] * (len(servers) - 1) + [False]


def test_what_the_role_wants_is_told_where_no_host_is_so(cut: int) -> None:
    script = Script(servers=[_server("on"), _UNREACHABLE, _server("on")], cut=cut)
    with pytest.raises(Refusal) as caught:
        _log_in(script, _login(target_session=TargetSession.PRIMARY))
    assert caught.value.reason is Reason.UPSTREAM_UNREACHABLE
    assert str(caught.value) == (
        'upstream of role "app": none of its 3 hosts can be used (TARGET_SESSION_ATTRS primary)'
    )
    assert caught.value.detail == (
        "one:5432: is a standby; unix:/two/.s.PGSQL.5432: Connection refused; "
        "three:6432: is a standby"
    )


def test_try_login_says_who_it_is_and_leaves(cut: int) -> None:
    script = Script(servers=[ScramServer().turns], cut=cut)
    facts = script.run(try_login(role(), nonce))
    assert facts["method"] == "scram-sha-256"
    sent = script.upstream.received
    said = startup(user=role().user, application_name="keyless check", database="app_db")
    assert sent.startswith(said)
    assert sent.endswith(message(b"X"))


def test_try_login_without_a_database_names_none() -> None:
    script = Script(servers=[[_TRUST]])
    script.run(try_login(role(TlsMode.DISABLE, "none", database=None), nonce))
    assert b"database" not in script.upstream.received

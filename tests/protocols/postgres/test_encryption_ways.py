"""What `allow` and `prefer` try after the way that they begin with, and when they do not."""

import struct
from dataclasses import replace

import pytest

from protocols.api import Connect, Disconnected, Side, TlsMode
from protocols.errors import LoginRejected, Reason, Refusal, ServerProtocolError
from protocols.postgres.log_in import log_in
from protocols.postgres.login import PostgresLogin
from protocols.postgres.messages import StartupMessage
from protocols.postgres.session import Session
from tests.protocols.postgres.server import GREETINGS, OK, ScramServer, error, nonce, role
from tests.protocols.script import UNVERIFIED, Fault, Script

_STARTUP = StartupMessage((3, 0), {"user": "somebody", "database": "shop"})
_SSL = struct.pack(">ii", 8, 80877103)
_TRUST = OK + GREETINGS
_NO_ENTRY = error("28000", "no pg_hba.conf entry for host")
_BROKEN_TLS = ServerProtocolError("it failed", reason=Reason.UPSTREAM_INSECURE, detail="no cipher")


def _log_in(script: Script, login: PostgresLogin) -> Session:
    return script.run(log_in(login, _STARTUP, nonce))


@pytest.mark.parametrize(
    ("mode", "first", "second", "tls"),
    [
        (TlsMode.ALLOW, [_NO_ENTRY], [b"S", _TRUST], "TLSv1.3"),
        (TlsMode.PREFER, [b"S", _NO_ENTRY], [_TRUST], "none"),
    ],
)
def test_a_server_that_turns_us_away_is_asked_in_the_other_way(
    cut: int, mode: TlsMode, first: list[bytes], second: list[bytes], tls: str
) -> None:
    script = Script(servers=[first, second], cut=cut)
    assert _log_in(script, role(mode, "none")).facts["tls"] == tls
    asked = [_SSL in connection.received for connection in script.connections]
    assert asked == [mode is TlsMode.PREFER, mode is TlsMode.ALLOW]
    assert all(c.received.endswith(_STARTUP.encode()) for c in script.connections)


@pytest.mark.parametrize(
    "failure",
    [
        _BROKEN_TLS,
        Disconnected(Side.UPSTREAM),
        Refusal(Reason.UPSTREAM_UNREACHABLE, "upstream did not answer within 1 s"),
    ],
)
def test_prefer_goes_without_tls_that_does_not_work(cut: int, failure: Fault) -> None:
    script = Script(servers=[[b"S"], [_TRUST]], cut=cut, tls=failure)
    assert _log_in(script, role(TlsMode.PREFER, "none")).facts["tls"] == "none"
    assert [c.received for c in script.connections] == [_SSL, _STARTUP.encode()]


@pytest.mark.parametrize(
    "failure",
    [
        LoginRejected("not this certificate", code="TLSV1_ALERT_UNKNOWN_CA"),
        Refusal(Reason.SECRET_UNAVAILABLE, "not set up correctly"),
        Refusal(Reason.INTERNAL, "the proxy failed"),
    ],
)
def test_prefer_does_not_hide_what_is_wrong_on_our_side(cut: int, failure: Refusal) -> None:
    script = Script(servers=[[b"S"]], cut=cut, tls=failure)
    with pytest.raises(Refusal) as caught:
        _log_in(script, role(TlsMode.PREFER, "none"))
    assert caught.value is failure


@pytest.mark.parametrize("mode", [TlsMode.REQUIRE, TlsMode.VERIFY_CA, TlsMode.VERIFY_FULL])
def test_a_role_that_demands_tls_never_goes_without(cut: int, mode: TlsMode) -> None:
    for tls, turns in ((_BROKEN_TLS, [b"S"]), (UNVERIFIED, [b"S", _NO_ENTRY])):
        script = Script(servers=[turns], cut=cut, tls=tls)
        with pytest.raises(Refusal):
            _log_in(script, role(mode, "none"))
        assert len(script.connections) == 1


_CHALLENGE = ScramServer().turns[:2]


@pytest.mark.parametrize(
    ("mode", "turns"),
    [
        (TlsMode.DISABLE, [_NO_ENTRY]),
        (TlsMode.PREFER, [b"N", _NO_ENTRY]),
        *(
            (mode, [*before, *answers])
            for mode, before in ((TlsMode.ALLOW, []), (TlsMode.PREFER, [b"S"]))
            for answers in (
                [error("28P01", "wrong password")],
                [error("3D000", "no such database")],
                [error("53300", "too many connections")],
                [error("42501", "denied")],
                [*_CHALLENGE, error("28000", "role is not permitted to log in")],
                [*_CHALLENGE, error("28P01", "wrong password")],
            )
        ),
    ],
)
def test_who_was_heard_is_not_asked_again(cut: int, mode: TlsMode, turns: list[bytes]) -> None:
    script = Script(servers=[turns], cut=cut, tls=UNVERIFIED)
    with pytest.raises(Refusal):
        _log_in(script, role(mode))
    assert len(script.connections) == 1


@pytest.mark.parametrize(
    ("mode", "servers"),
    [
        (TlsMode.ALLOW, [[_NO_ENTRY], [b"S", error("28000", "nor with TLS")]]),
        (TlsMode.ALLOW, [[_NO_ENTRY], [b"N", error("28000", "nor with TLS")]]),
        (TlsMode.PREFER, [[b"S", _NO_ENTRY], [error("28000", "nor without TLS")]]),
    ],
)
def test_who_is_refused_in_both_ways_is_told_of_both(
    cut: int, mode: TlsMode, servers: list[list[bytes]]
) -> None:
    with pytest.raises(LoginRejected) as caught:
        _log_in(Script(servers=servers, cut=cut), role(mode))
    first, second = caught.value.detail.split("; ")
    assert first == "28000 no pg_hba.conf entry for host"
    assert second.startswith("28000 nor with")


def test_why_tls_failed_is_told_where_the_other_way_fails_as_well(cut: int) -> None:
    script = Script(servers=[[b"S"], [_NO_ENTRY]], cut=cut, tls=_BROKEN_TLS)
    with pytest.raises(LoginRejected) as caught:
        _log_in(script, role(TlsMode.PREFER))
    assert caught.value.detail == "no cipher; 28000 no pg_hba.conf entry for host"


@pytest.mark.parametrize("mode", [TlsMode.ALLOW, TlsMode.PREFER])
def test_the_connection_is_made_for_a_login_that_says_how(mode: TlsMode) -> None:
    """So that the cancel request goes the way that worked."""
    first, second = ([_NO_ENTRY], [b"S", _TRUST])
    if mode is TlsMode.PREFER:
        first, second = [b"S", _NO_ENTRY], [_TRUST]
    script = Script(servers=[first, second])
    login = role(mode, "none")
    _log_in(script, login)
    modes = {TlsMode.ALLOW: TlsMode.PREFER, TlsMode.PREFER: TlsMode.DISABLE}
    way = replace(login, tls=replace(login.tls, mode=modes[mode]))
    assert [c for c in script.commands if isinstance(c, Connect)][-1] == Connect(way)

"""Upstream's half of the handshake: TLS as the role wants it, and all up to ReadyForQuery."""

import struct
from collections.abc import Sequence

import pytest

from protocols.api import Connect, Disconnected, StartTls, TlsMode, UnixEndpoint
from protocols.errors import Reason, Refusal, ServerProtocolError
from protocols.postgres.log_in import Session, log_in, try_login
from protocols.postgres.login import PostgresLogin
from protocols.postgres.messages import StartupMessage
from tests.protocols.postgres.server import (
    GREETINGS,
    KEY,
    NOTICE,
    OK,
    PARAMETERS,
    READY,
    ScramServer,
    authentication,
    error,
    nonce,
    parameter,
    role,
)
from tests.protocols.script import UNVERIFIED, Script
from tests.wire import message, startup

_STARTUP = StartupMessage((3, 0), {"user": "somebody", "database": "shop"})
_SSL = struct.pack(">ii", 8, 80877103)
_TRUST = OK + GREETINGS


def _log_in(script: Script, login: PostgresLogin, said: StartupMessage = _STARTUP) -> Session:
    return script.run(log_in(login, said, nonce))


def _negotiate(version: int, *options: str) -> bytes:
    names = b"".join(option.encode() + b"\0" for option in options)
    return message(b"v", struct.pack(">ii", version, len(options)) + names)


@pytest.mark.parametrize(
    ("mode", "turns", "asks", "tls"),
    [
        (TlsMode.DISABLE, [_TRUST], False, "none"),
        (TlsMode.PREFER, [b"N", _TRUST], True, "none"),
        (TlsMode.PREFER, [b"S", _TRUST], True, "TLSv1.3"),
        (TlsMode.REQUIRE, [b"S", _TRUST], True, "TLSv1.3"),
        (TlsMode.VERIFY_CA, [b"S", _TRUST], True, "TLSv1.3"),
        (TlsMode.VERIFY_FULL, [b"S", _TRUST], True, "TLSv1.3"),
    ],
)
def test_tls_is_asked_for_as_the_role_wants(
    cut: int, mode: TlsMode, turns: list[bytes], asks: bool, tls: str
) -> None:
    script = Script(servers=[turns], cut=cut)
    assert _log_in(script, role(mode, "none")).facts["tls"] == tls
    assert script.upstream.received == (_SSL if asks else b"") + _STARTUP.encode()
    started = [c for c in script.commands if isinstance(c, StartTls)]
    assert len(started) == (tls != "none")
    assert all(c.received == b"" and c.alpn is None for c in started)


def test_a_unix_socket_needs_no_tls(cut: int) -> None:
    login = role(TlsMode.VERIFY_FULL, "none", endpoint=UnixEndpoint("/run/.s.PGSQL.5432"))
    script = Script(servers=[[_TRUST]], cut=cut)
    assert _log_in(script, login).facts["tls"] == "none"
    assert script.upstream.received == _STARTUP.encode()


@pytest.mark.parametrize("mode", [TlsMode.REQUIRE, TlsMode.VERIFY_CA, TlsMode.VERIFY_FULL])
def test_a_server_without_tls_is_left_where_the_role_demands_it(cut: int, mode: TlsMode) -> None:
    script = Script(servers=[[b"N", _TRUST]], cut=cut)
    with pytest.raises(ServerProtocolError, match=f"SSLMODE {mode.value}") as caught:
        _log_in(script, role(mode, "none"))
    assert caught.value.reason is Reason.UPSTREAM_INSECURE
    assert script.upstream.received == _SSL


@pytest.mark.parametrize("mode", [TlsMode.PREFER, TlsMode.REQUIRE, TlsMode.VERIFY_FULL])
@pytest.mark.parametrize(
    "answer",
    [error("28000", "visit evil.example and log in there"), b"E", b"s", b"\0", b"H", b"\x15\x03"],
)
def test_nothing_a_server_says_before_tls_is_repeated(
    cut: int, mode: TlsMode, answer: bytes
) -> None:
    with pytest.raises(ServerProtocolError, match="does not speak PostgreSQL") as caught:
        _log_in(Script(servers=[[answer]], cut=cut), role(mode, "none"))
    assert "evil" not in f"{caught.value} {caught.value.detail}"


@pytest.mark.parametrize("injected", [_TRUST, b"x", b"S"])
def test_data_sent_before_tls_is_never_taken_for_data_under_tls(injected: bytes) -> None:
    login = role(TlsMode.VERIFY_FULL, "none")
    script = Script(servers=[[b"S" + injected]])
    with pytest.raises(ServerProtocolError, match="unencrypted data after it agreed to TLS"):
        _log_in(script, login)
    later = Script(servers=[[b"S" + injected]], cut=1)
    with pytest.raises(ServerProtocolError, match="closed the connection during the login"):
        _log_in(later, login)
    for sent in (script.upstream.received, later.upstream.received):
        assert sent == _SSL


def test_greetings_are_kept_as_they_came(cut: int) -> None:
    session = _log_in(Script(servers=[[_TRUST]], cut=cut), role(TlsMode.DISABLE, "none"))
    assert b"".join(message.encode() for message in session.greetings) == GREETINGS
    assert session.version == (3, 0)
    assert session.facts == {
        "server_version": "17.2 (Debian 17.2-1)",
        "tls": "none",
        "method": "none",
        "database": "shop",
    }


@pytest.mark.parametrize(
    ("greetings", "version"),
    [(READY, ""), (NOTICE + READY, ""), (parameter("server_version", "9é") + READY, "9é")],
)
def test_a_server_may_say_little(cut: int, greetings: bytes, version: str) -> None:
    script = Script(servers=[[OK + greetings]], cut=cut)
    session = _log_in(script, role(TlsMode.DISABLE, "none"))
    assert session.facts["server_version"] == version
    assert b"".join(message.encode() for message in session.greetings) == greetings


def test_what_follows_ready_for_query_is_left_over(cut: int) -> None:
    extra = message(b"A", b"\0\0\0\1channel\0payload\0")
    script = Script(servers=[[_TRUST + extra]], cut=cut)
    session = _log_in(script, role(TlsMode.DISABLE, "none"))
    assert session.leftover + script.upstream.unread == extra


@pytest.mark.parametrize(
    "greetings",
    [
        message(b"R", bytes(4)),
        message(b"T", bytes(2)),
        message(b"D", bytes(2)),
        message(b"A", b"\0\0\0\1a\0b\0"),
        message(b"v", b"\0\3\0\0\0\0\0\0"),
        message(b"q"),
        message(b"N", bytes(20_000)) * 14 + READY,
        message(b"S") * 60_000 + READY,
    ],
)
def test_another_message_before_ready_for_query_is_refused(greetings: bytes) -> None:
    with pytest.raises(ServerProtocolError, match="where ReadyForQuery is due"):
        _log_in(Script(servers=[[OK + greetings]]), role(TlsMode.DISABLE, "none"))


@pytest.mark.parametrize(
    ("asked", "answered", "version"),
    [
        (2, [], (3, 2)),
        (1, [], (3, 1)),
        (2, [0x30000], (3, 0)),
        (2, [0x30001], (3, 1)),
        (1, [0x30000], (3, 0)),
    ],
)
def test_an_older_server_says_which_version_it_speaks(
    cut: int, asked: int, answered: list[int], version: tuple[int, int]
) -> None:
    turn = b"".join(map(_negotiate, answered)) + _TRUST
    said = StartupMessage((3, asked), {"user": "somebody"})
    session = _log_in(Script(servers=[[turn]], cut=cut), role(TlsMode.DISABLE, "none"), said)
    assert session.version == version


@pytest.mark.parametrize(
    "answer",
    [
        _negotiate(0x30002),
        _negotiate(0x30003),
        _negotiate(0x20000),
        _negotiate(0),
        message(b"v", bytes(7)),
        _negotiate(0x30001)[:-1] + b"\1",
    ],
)
def test_a_version_that_was_not_asked_for_is_refused(cut: int, answer: bytes) -> None:
    said = StartupMessage((3, 2), {"user": "somebody"})
    with pytest.raises(ServerProtocolError, match=r"answered protocol|broke the protocol"):
        _log_in(Script(servers=[[answer + _TRUST]], cut=cut), role(TlsMode.DISABLE, "none"), said)


def test_a_server_negotiates_once(cut: int) -> None:
    turn = _negotiate(0x30001) + _negotiate(0x30000) + _TRUST
    said = StartupMessage((3, 2), {"user": "somebody"})
    with pytest.raises(ServerProtocolError, match="message b'v' during authentication"):
        _log_in(Script(servers=[[turn]], cut=cut), role(TlsMode.DISABLE, "none"), said)


def test_a_server_may_leave_anywhere() -> None:
    turns: Sequence[bytes] = [b"S", *ScramServer().turns]
    for turn, whole in enumerate(turns):
        for size in range(len(whole)):
            script = Script(servers=[[*turns[:turn], whole[:size]]])
            with pytest.raises(ServerProtocolError, match="closed the connection during the login"):
                _log_in(script, role(TlsMode.VERIFY_FULL))


def _run_scram_over_tls(**settings: object) -> Script:
    script = Script(servers=[[b"S", *ScramServer().turns]], tls=UNVERIFIED, **settings)  # type: ignore[arg-type]
    _log_in(script, role(TlsMode.REQUIRE))
    return script


def test_a_fault_in_any_command_ends_the_login() -> None:
    """A Refusal goes on as it is; that upstream is gone becomes one."""
    commands = _run_scram_over_tls().commands
    for number, command in enumerate(commands):
        fault = Refusal(Reason.UPSTREAM_UNREACHABLE, "too slow", detail="10.0.0.1")
        with pytest.raises(Refusal) as caught:
            _run_scram_over_tls(faults={number: fault})
        assert caught.value is fault
        if not isinstance(command, Connect):
            gone = Disconnected(command.side) if hasattr(command, "side") else fault
            with pytest.raises(Refusal):
                _run_scram_over_tls(faults={number: gone})


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


def test_no_key_is_invented() -> None:
    without = PARAMETERS + READY
    session = _log_in(Script(servers=[[OK + without]]), role(TlsMode.DISABLE, "none"))
    assert all(message.kind != b"K" for message in session.greetings)
    assert KEY not in without


def test_a_password_is_asked_for_only_before_the_greetings(cut: int) -> None:
    turn = OK + PARAMETERS + authentication(3)
    with pytest.raises(ServerProtocolError, match=r"b'R' where ReadyForQuery is due"):
        _log_in(
            Script(servers=[[turn]], cut=cut),
            role(TlsMode.VERIFY_FULL, "none", endpoint=UnixEndpoint("/s")),
        )

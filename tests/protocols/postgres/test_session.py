"""One connection to upstream, up to ReadyForQuery: what is kept of it, and what ends it."""

import struct
from collections.abc import Sequence

import pytest

from protocols.api import Connect, Disconnected, TlsMode, UnixEndpoint
from protocols.errors import Reason, Refusal, ServerProtocolError
from protocols.postgres.log_in import log_in
from protocols.postgres.login import PostgresLogin
from protocols.postgres.messages import StartupMessage
from protocols.postgres.session import Session
from tests.protocols.postgres.server import (
    GREETINGS,
    KEY,
    NOTICE,
    OK,
    PARAMETERS,
    READY,
    ScramServer,
    authentication,
    nonce,
    parameter,
    role,
)
from tests.protocols.script import UNVERIFIED, Script
from tests.wire import message

_STARTUP = StartupMessage((3, 0), {"user": "somebody", "database": "shop"})
_TRUST = OK + GREETINGS


def _log_in(script: Script, login: PostgresLogin, said: StartupMessage = _STARTUP) -> Session:
    return script.run(log_in(login, said, nonce))


def _negotiate(version: int, *options: str) -> bytes:
    names = b"".join(option.encode() + b"\0" for option in options)
    return message(b"v", struct.pack(">ii", version, len(options)) + names)


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
            with pytest.raises(Refusal, match="closed the connection during the login"):
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

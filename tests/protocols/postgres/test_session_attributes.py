"""What a host says it is, or is asked for, and whether that is what the role wants."""

import struct

import pytest

from protocols.api import TlsMode
from protocols.errors import Reason, Refusal
from protocols.postgres.demands import TargetSession
from protocols.postgres.log_in import log_in
from protocols.postgres.messages import StartupMessage
from protocols.postgres.session import Session
from tests.protocols.postgres.server import (
    GREETINGS,
    OK,
    READY,
    error,
    nonce,
    parameter,
    role,
)
from tests.protocols.script import Script
from tests.wire import message, query

_STARTUP = StartupMessage((3, 0), {"user": "somebody"})
_DESCRIPTION = message(b"T", struct.pack(">h", 1) + b"x\0" + bytes(18))
_DONE = message(b"C", b"SHOW\0")
_SHOW = query("SHOW transaction_read_only")
_RECOVERY = query("SELECT pg_catalog.pg_is_in_recovery()")
_WRITING = ("read-write", "read-only")


def _row(value: str) -> bytes:
    return message(b"D", struct.pack(">hi", 1, len(value)) + value.encode())


def _log_in(script: Script, wanted: str) -> Session:
    login = role(TlsMode.DISABLE, "none", target_session=TargetSession(wanted))
    return script.run(log_in(login, _STARTUP, nonce))


def _is_taken(script: Script, wanted: str) -> bool:
    try:
        _log_in(script, wanted)
    except Refusal as refusal:
        assert "is not what the role demands" in str(refusal)  # noqa: PT017
        return False
    return True


# What libpq's documentation says of each, by in_hot_standby and default_transaction_read_only.
_FIT = {
    ("off", "off"): {"any", "read-write", "primary", "prefer-standby"},
    ("off", "on"): {"any", "read-only", "primary", "prefer-standby"},
    ("on", "off"): {"any", "read-only", "standby", "prefer-standby"},
    ("on", "on"): {"any", "read-only", "standby", "prefer-standby"},
}


@pytest.mark.parametrize("wanted", [target.value for target in TargetSession])
@pytest.mark.parametrize(("standby", "read_only"), _FIT)
def test_what_a_server_reports_decides(cut: int, wanted: str, standby: str, read_only: str) -> None:
    said = parameter("in_hot_standby", standby)
    said += parameter("default_transaction_read_only", read_only)
    script = Script(servers=[[OK + said + GREETINGS]] * 2, cut=cut)
    assert _is_taken(script, wanted) == (wanted in _FIT[standby, read_only])
    received = script.connections[0].received.removeprefix(_STARTUP.encode())
    assert received in (b"", message(b"X"))


@pytest.mark.parametrize(
    ("reported", "wanted", "asked"),
    [
        (b"", "read-write", _SHOW),
        (b"", "read-only", _SHOW),
        (b"", "primary", _RECOVERY),
        (b"", "standby", _RECOVERY),
        (parameter("in_hot_standby", "off"), "read-write", _SHOW),
        (parameter("default_transaction_read_only", "off"), "read-only", _SHOW),
        (parameter("default_transaction_read_only", "off"), "primary", _RECOVERY),
    ],
)
@pytest.mark.parametrize("holds", [True, False])
def test_a_server_that_reports_too_little_is_asked(
    cut: int, reported: bytes, wanted: str, asked: bytes, holds: bool
) -> None:
    yes, no = ("on", "off") if wanted in _WRITING else ("t", "f")
    answer = _DESCRIPTION + _row(yes if holds else no) + _DONE + READY
    script = Script(servers=[[OK + reported + GREETINGS, answer]], cut=cut)
    fit = holds == (wanted in ("read-only", "standby"))
    assert _is_taken(script, wanted) == fit
    goodbye = b"" if fit else message(b"X")
    assert script.upstream.received == _STARTUP.encode() + asked + goodbye


def test_the_client_is_not_told_of_the_question(cut: int) -> None:
    notice = message(b"N", b"SNOTICE\0C00000\0Mhello\0\0")
    changed = parameter("application_name", "pooled")
    ready = message(b"Z", b"T")
    answer = _DESCRIPTION + notice + _row("off") + changed + _DONE + ready
    session = _log_in(Script(servers=[[OK + GREETINGS, answer]], cut=cut), "read-write")
    told = b"".join(said.encode() for said in session.greetings)
    assert told == GREETINGS[: -len(READY)] + notice + changed + ready
    assert session.leftover == b""


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (error("42501", "permission denied"), "42501 permission denied"),
        (error("57P03", "the database system is starting up"), "57P03"),
        (_DESCRIPTION + _DONE + READY, "gave no answer to SHOW transaction_read_only"),
        (_DESCRIPTION + _row("off") * 2 + _DONE + READY, "gave no answer"),
        (_DESCRIPTION + _row("maybe") + _DONE + READY, "gave no answer"),
        (_DESCRIPTION + message(b"D", b"") + _DONE + READY, "gave no answer"),
        (message(b"W", b"\0\0\0"), "b'W' where ReadyForQuery is due"),
        (_row("off") * 20_000 + READY, "where ReadyForQuery is due"),
    ],
)
def test_a_host_that_does_not_answer_is_not_taken(answer: bytes, why: str) -> None:
    with pytest.raises(Refusal) as caught:
        _log_in(Script(servers=[[OK + GREETINGS, answer]]), "read-write")
    assert caught.value.reason is Reason.UPSTREAM_UNREACHABLE
    assert str(caught.value) == (
        'upstream of role "app" is not what the role demands (TARGET_SESSION_ATTRS read-write)'
    )
    assert caught.value.detail.startswith("db.example:5432: does not say what it is: ")
    assert why in caught.value.detail


def test_a_host_that_leaves_instead_is_gone(cut: int) -> None:
    with pytest.raises(Refusal, match="closed the connection during the login"):
        _log_in(Script(servers=[[OK + GREETINGS]], cut=cut), "standby")


def test_the_last_report_counts(cut: int) -> None:
    said = parameter("in_hot_standby", "off") + parameter("in_hot_standby", "on")
    for wanted in ("standby", "primary"):
        script = Script(servers=[[OK + said + GREETINGS]], cut=cut)
        assert _is_taken(script, wanted) == (wanted == "standby")

"""A cancel request goes out as protected as its session, and is done when upstream closes."""

import struct

import pytest

from protocols.api import Connect, Disconnected, Send, Side, StartTls, TlsMode
from protocols.errors import Reason, Refusal, ServerProtocolError
from protocols.postgres.cancel import send_cancel
from tests.protocols.postgres.server import role
from tests.protocols.script import Script
from tests.wire import cancel_request, message

_SSL = struct.pack(">ii", 8, 80877103)
_KEYS = [b"\0\0\0\7four", b"\0\0\0\7" + bytes(range(32)), b"\0\0\0\7" + bytes(256)]


@pytest.mark.parametrize("key", _KEYS)
def test_the_key_is_sent_and_the_end_awaited(cut: int, key: bytes) -> None:
    script = Script(servers=[[]], cut=cut)
    login = role(TlsMode.DISABLE)
    script.run(send_cancel(login, key))
    assert script.commands[:2] == [Connect(login), Send(Side.UPSTREAM, cancel_request(key))]


@pytest.mark.parametrize("mode", [TlsMode.PREFER, TlsMode.REQUIRE, TlsMode.VERIFY_FULL])
def test_it_goes_under_tls_as_the_session_does(cut: int, mode: TlsMode) -> None:
    script = Script(servers=[[b"S"]], cut=cut)
    script.run(send_cancel(role(mode), _KEYS[0]))
    sends = [c for c in script.commands if isinstance(c, Send | StartTls)]
    assert sends == [
        Send(Side.UPSTREAM, _SSL),
        StartTls(Side.UPSTREAM),
        Send(Side.UPSTREAM, cancel_request(_KEYS[0])),
    ]


def test_it_goes_plain_where_the_session_may() -> None:
    script = Script(servers=[[b"N"]])
    script.run(send_cancel(role(TlsMode.PREFER), _KEYS[0]))
    assert script.upstream.received == _SSL + cancel_request(_KEYS[0])


def test_the_key_is_not_told_where_tls_is_demanded_and_missing(cut: int) -> None:
    script = Script(servers=[[b"N"]], cut=cut)
    with pytest.raises(ServerProtocolError, match="does not offer TLS") as caught:
        script.run(send_cancel(role(TlsMode.REQUIRE), _KEYS[0]))
    assert caught.value.reason is Reason.UPSTREAM_INSECURE
    assert script.upstream.received == _SSL


def test_an_answer_is_not_the_protocol(cut: int) -> None:
    script = Script(servers=[[message(b"Z", b"I")]], cut=cut)
    with pytest.raises(ServerProtocolError, match="answered a cancel request"):
        script.run(send_cancel(role(TlsMode.DISABLE), _KEYS[0]))


@pytest.mark.parametrize("number", range(5))
def test_a_fault_goes_on_to_who_asked(number: int) -> None:
    for fault in (Refusal(Reason.UPSTREAM_UNREACHABLE, "no"), Disconnected(Side.UPSTREAM)):
        script = Script(servers=[[b"S"]], faults={number: fault})
        with pytest.raises(type(fault)) as caught:
            script.run(send_cancel(role(TlsMode.REQUIRE), _KEYS[0]))
        assert caught.value is fault

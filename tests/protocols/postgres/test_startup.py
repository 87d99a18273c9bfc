"""A client's first bytes: questions about encryption, and what it came for."""

import struct

import pytest

from protocols.api import Command, Disconnected, Send, Side, StartTls
from protocols.errors import ClientProtocolError, Reason, Refusal
from protocols.postgres.inbox import Inbox
from protocols.postgres.messages import CancelRequest, StartupMessage
from protocols.postgres.startup import receive_startup
from tests.protocols.script import WHOLE, Script
from tests.wire import cancel_request, startup

SSL = struct.pack(">ii", 8, 80877103)
GSSENC = struct.pack(">ii", 8, 80877104)
STARTUP = startup(user="joe", database="shop")
HELLO = b"\x16\x03\x01 the rest of a ClientHello"


def _receive(script: Script) -> StartupMessage | CancelRequest:
    return script.run(receive_startup(Inbox(Side.CLIENT)))


def _answers(script: Script) -> list[Command]:
    return [command for command in script.commands if isinstance(command, Send | StartTls)]


_NO, _YES, _TLS = Send(Side.CLIENT, b"N"), Send(Side.CLIENT, b"S"), StartTls(Side.CLIENT)


@pytest.mark.parametrize(
    ("turns", "answers"),
    [
        ([STARTUP], []),
        ([SSL, STARTUP], [_YES, _TLS]),
        ([GSSENC, STARTUP], [_NO]),
        ([GSSENC, SSL, STARTUP], [_NO, _YES, _TLS]),
    ],
)
def test_questions_about_encryption_are_answered(
    cut: int, turns: list[bytes], answers: list[Command]
) -> None:
    script = Script(turns, cut=cut)
    assert _receive(script) == StartupMessage((3, 0), {"user": "joe", "database": "shop"})
    assert _answers(script) == answers


@pytest.mark.parametrize(
    ("turns", "version"),
    [
        ([SSL, SSL], "1234.5679"),
        ([SSL, GSSENC], "1234.5680"),  # there is TLS already
        ([GSSENC, GSSENC], "1234.5680"),
        ([GSSENC, SSL, SSL], "1234.5679"),
        ([HELLO, SSL], "1234.5679"),
    ],
)
def test_a_question_that_was_answered_is_refused(
    cut: int, turns: list[bytes], version: str
) -> None:
    with pytest.raises(Refusal, match=f"unsupported frontend protocol {version}") as caught:
        _receive(Script(turns, cut=cut))
    assert caught.value.reason is Reason.UNSUPPORTED


@pytest.mark.parametrize("questions", [[SSL], [GSSENC, SSL]])
@pytest.mark.parametrize("injected", [STARTUP, b"x", HELLO])
def test_data_sent_before_tls_is_never_taken_for_data_under_tls(
    questions: list[bytes], injected: bytes
) -> None:
    *before, last = questions
    script = Script([*before, last + injected, STARTUP])
    with pytest.raises(ClientProtocolError, match="unencrypted data after SSLRequest"):
        _receive(script)
    assert _TLS not in script.commands
    assert _YES not in script.commands


def test_data_that_comes_after_the_answer_is_left_to_the_tls_handshake() -> None:
    script = Script([SSL + STARTUP], cut=1)
    with pytest.raises(Disconnected):
        _receive(script)
    assert _answers(script) == [_YES, _TLS]


def test_direct_tls_needs_its_application_protocol(cut: int) -> None:
    script = Script([HELLO, STARTUP], cut=cut)
    assert isinstance(_receive(script), StartupMessage)
    assert _answers(script) == [StartTls(Side.CLIENT, HELLO[:cut], alpn="postgresql")]


@pytest.mark.parametrize("before", [[], [SSL], [GSSENC], [GSSENC, SSL], [HELLO]])
@pytest.mark.parametrize("secret", [b"four", bytes(range(32)), bytes(256)])
def test_a_cancel_request_comes_plain_or_under_tls(
    cut: int, before: list[bytes], secret: bytes
) -> None:
    key = b"\0\0\0\7" + secret
    assert _receive(Script([*before, cancel_request(key)], cut=cut)) == CancelRequest(key)


@pytest.mark.parametrize("key", [b"", b"\0\0\0\7", b"\0\0\0\7abc", bytes(4 + 257)])
def test_a_malformed_cancel_request_is_refused(cut: int, key: bytes) -> None:
    with pytest.raises(ClientProtocolError, match="a cancel key has 4 to 256 bytes"):
        _receive(Script([cancel_request(key)], cut=cut))


@pytest.mark.parametrize(
    "garbage",
    [
        b"GET / HTTP/1.1\r\nHost: db\r\n\r\n",
        b"SSH-2.0-OpenSSH_9.6\r\n",
        b"\x15\x03\x01\0\2\2\x28",  # a TLS alert
        *(
            struct.pack(">I", length) + bytes(12_000)
            for length in (0, 4, 7, 10_005, 2**31, 2**32 - 1)
        ),
    ],
)
def test_what_is_no_startup_packet_is_refused(cut: int, garbage: bytes) -> None:
    with pytest.raises(ClientProtocolError, match="invalid length of startup packet") as caught:
        _receive(Script([garbage], cut=cut))
    assert caught.value.reason is Reason.MALFORMED


@pytest.mark.parametrize("size", [8, 9, 10_004])
def test_the_longest_and_shortest_packets_are_read(cut: int, size: int) -> None:
    filler = "x" * (size - len(startup(user="joe", options="")))
    packet = startup(user="joe", options=filler) if filler else struct.pack(">ii", size, 0x30000)
    script = Script([packet.ljust(size, b"\0")], cut=cut)
    if filler:
        received = _receive(script)
        assert isinstance(received, StartupMessage)
        assert received.parameters["options"] == filler
        return
    with pytest.raises(
        Refusal, match="terminator as last byte" if size == 8 else "no PostgreSQL user"
    ):
        _receive(script)


@pytest.mark.parametrize(
    "parameters",
    [b"user\0joe\0", b"user\0joe", b"user\0\0", b"user\0joe\0\0\0", b"\0user\0joe\0\0"],
)
def test_parameters_must_end_where_the_packet_does(cut: int, parameters: bytes) -> None:
    packet = struct.pack(">ii", 8 + len(parameters), 0x30000) + parameters
    with pytest.raises(ClientProtocolError, match="expected terminator as last byte"):
        _receive(Script([packet], cut=cut))


@pytest.mark.parametrize("parameters", [b"\0", b"database\0shop\0\0", b"user\0\0\0"])
def test_a_startup_without_a_user_is_refused(cut: int, parameters: bytes) -> None:
    packet = struct.pack(">ii", 8 + len(parameters), 0x30000) + parameters
    with pytest.raises(Refusal, match="no PostgreSQL user name specified") as caught:
        _receive(Script([packet], cut=cut))
    assert caught.value.reason is Reason.LOGIN_REJECTED


@pytest.mark.parametrize("version", [0x20000, 0x40000, 0, 0x7FFFFFFF])
def test_another_major_version_is_refused(cut: int, version: int) -> None:
    with pytest.raises(Refusal, match="unsupported frontend protocol") as caught:
        _receive(Script([startup(version, user="joe")], cut=cut))
    assert caught.value.reason is Reason.UNSUPPORTED


@pytest.mark.parametrize("minor", [0, 1, 2, 9999])
def test_every_minor_version_is_read(cut: int, minor: int) -> None:
    received = _receive(Script([startup(0x30000 + minor, user="joe")], cut=cut))
    assert received == StartupMessage((3, minor), {"user": "joe"})


@pytest.mark.parametrize(
    "turns", [[], [STARTUP[:3]], [STARTUP[:-1]], [SSL], [SSL, STARTUP[:9]], [GSSENC], [HELLO]]
)
def test_a_client_may_leave_at_any_step(cut: int, turns: list[bytes]) -> None:
    with pytest.raises(Disconnected) as caught:
        _receive(Script(turns, cut=cut))
    assert caught.value.side is Side.CLIENT


def test_what_follows_the_startup_packet_is_left_in_the_inbox() -> None:
    inbox = Inbox(Side.CLIENT)
    Script([STARTUP + b"more"], cut=WHOLE).run(receive_startup(inbox))
    assert inbox.drain() == b"more"

"""Forwarded connections: where they may go, who asked for them, and what they move."""

from collections.abc import Callable

import pytest

from protocols.errors import ClientProtocolError
from protocols.ssh.encoding import string, uint32
from protocols.ssh.events import SshDenied, SshForward, SshListener
from protocols.ssh.messages import (
    REQUEST_FAILURE,
    ChannelOpen,
    ChannelOpenFailure,
    Message,
    OpenFailureReason,
)
from protocols.ssh.options import SshOptions
from tests.protocols.ssh.connection import (
    Connection,
    adjust,
    close,
    confirmation,
    data,
    eof,
    failure,
    global_request,
    request,
    tcp,
)

_DIRECT = b"direct-tcpip"
_REMOTE = SshOptions(forward_remote=("localhost:*", "unix:/run/*"))
_GRANTED = bytes((Message.REQUEST_SUCCESS,))
_X11 = string(b"127.0.0.1") + uint32(6010)


def _listener(host: bytes, port: int) -> bytes:
    return string(host) + uint32(port)


def _open(kind: bytes, details: bytes, number: int = 100) -> bytes:
    return ChannelOpen(kind, number, 1 << 21, 1 << 15, details).encode()


def _refused(packet: bytes) -> tuple[int, int]:
    message = ChannelOpenFailure.decode(packet)
    return message.recipient, message.reason


@pytest.mark.parametrize(
    ("kind", "details", "target", "origin"),
    [
        (_DIRECT, tcp(b"DB", 5432), "DB:5432", "127.0.0.1:40000"),
        (_DIRECT, tcp(b"::1", 5432, b"fe80::1%eth0"), "[::1]:5432", "[fe80::1%eth0]:40000"),
        (
            b"direct-streamlocal@openssh.com",
            string(b"/run/x\xff") + string(b"") + uint32(0),
            "unix:/run/x\\xff",
            "",
        ),
    ],
)
def test_a_connection_is_counted_and_told(
    kind: bytes, details: bytes, target: str, origin: str
) -> None:
    connection = Connection(SshOptions(forward_local=("db:*", "[::1]:5432", "unix:/run/*")))
    connection.open(0, kind, details)
    connection.client(data(100, b"question"), adjust(100, 9), eof(100))
    connection.upstream(data(0, b"answer"), eof(0))
    assert len(connection.to_client) == 2
    assert len(connection.to_upstream) == 3
    connection.now += 0.25
    connection.end()
    assert connection.events == [
        SshForward("local", target, origin, True, None, 8, 6, 250, finished=True)
    ]


def test_a_target_that_the_role_does_not_name_is_refused() -> None:
    connection = Connection(SshOptions(forward_local=("db:5432",)))
    connection.client(_open(_DIRECT, tcp(b"localhost", 22), 0))
    (answer,), onward = connection.taken()
    sentence = "this role does not allow forwarding to localhost:22"
    assert onward == []
    assert ChannelOpenFailure.decode(answer) == ChannelOpenFailure(
        0, OpenFailureReason.ADMINISTRATIVELY_PROHIBITED, sentence.encode(), b"en"
    )
    assert connection.events == [SshDenied("direct-tcpip", "localhost:22", sentence)]
    assert not connection.channels.busy


def test_a_target_that_upstream_does_not_reach_is_told() -> None:
    connection = Connection(SshOptions(forward_local=("*",)))
    connection.client(_open(_DIRECT, tcp(b"db", 1), 0))
    connection.upstream(ChannelOpenFailure(0, 2, b"Connection refused").encode())
    (event,) = connection.told(SshForward)
    assert (event.accepted, event.failure, event.finished) == (False, "Connection refused", True)


def test_a_connection_that_nobody_closed_is_told_unfinished() -> None:
    connection = Connection(SshOptions(forward_local=("*",)))
    connection.open(0, _DIRECT, tcp(b"db", 1))
    connection.client(_open(_DIRECT, tcp(b"db", 2), 1))
    connection.channels.close()
    told = [(event.target, event.finished) for event in connection.told(SshForward)]
    assert sorted(told) == [("db:1", False), ("db:2", False)]


@pytest.mark.parametrize(
    "details",
    [
        tcp(b"localhost x", 22),
        tcp(b"localhost\0", 22),
        tcp(b"localhost\n", 22),
        tcp(b"localhost", 65_558),
        tcp(b"localhost", 22) + b"x",
        tcp(b"x" * 1025, 22),
    ],
)
def test_a_target_that_cannot_be_is_malformed(details: bytes) -> None:
    connection = Connection(SshOptions(forward_local=("*",)))
    with pytest.raises(ClientProtocolError):
        connection.client(_open(_DIRECT, details, 0))


def test_who_connects_may_be_called_anything() -> None:
    connection = Connection(SshOptions(forward_local=("*",)))
    connection.open(0, _DIRECT, tcp(b"db", 1, b"a thread\n", 2**32 - 1))
    connection.end()
    assert [event.origin for event in connection.told(SshForward)] == ["a thread\n:4294967295"]


@pytest.mark.parametrize("kind", [b"tun@openssh.com", b"forwarded-tcpip", b"x11", b"made-up"])
def test_a_client_opens_no_other_channels(kind: bytes) -> None:
    connection = Connection(SshOptions(forward_local=("*",), forward_x11=True))
    connection.client(_open(kind, tcp(b"db", 1), 0))
    assert [_refused(packet) for packet in connection.to_client] == [(0, 1)]
    assert connection.to_upstream == []


# -- what upstream opens --------------------------------------------------------------------------


def test_a_listener_of_the_client_gets_its_connections() -> None:
    connection = Connection(_REMOTE)
    asked = global_request(b"tcpip-forward", _listener(b"localhost", 8080))
    opened = _open(b"forwarded-tcpip", tcp(b"localhost", 8080, b"10.0.0.9", 999))
    connection.client(asked)
    connection.upstream(_GRANTED, opened)
    assert connection.taken() == ([_GRANTED, opened], [asked])
    connection.client(confirmation(100, 3), data(100, b"hello"))
    connection.upstream(data(3, b"hi"), close(3))
    connection.client(close(100))
    (event,) = connection.told(SshForward)
    assert (event.direction, event.target, event.origin) == (
        "remote",
        "localhost:8080",
        "10.0.0.9:999",
    )
    assert (event.bytes_in, event.bytes_out, event.finished) == (5, 2, True)


def test_upstream_chooses_the_port_where_the_client_names_none() -> None:
    connection = Connection(_REMOTE)
    connection.client(global_request(b"tcpip-forward", _listener(b"localhost", 0)))
    connection.upstream(_GRANTED + uint32(40_001))
    connection.taken()
    connection.upstream(_open(b"forwarded-tcpip", tcp(b"127.0.0.1", 40_001)))
    connection.upstream(_open(b"forwarded-tcpip", tcp(b"127.0.0.1", 40_002), 101))
    to_client, to_upstream = connection.taken()
    assert len(to_client) == 1
    assert [_refused(packet) for packet in to_upstream] == [(101, 1)]


def test_a_socket_of_the_client_gets_its_connections() -> None:
    connection = Connection(_REMOTE)
    connection.client(global_request(b"streamlocal-forward@openssh.com", string(b"/run/a")))
    connection.upstream(_GRANTED)
    connection.taken()
    opened = _open(b"forwarded-streamlocal@openssh.com", string(b"/run/a") + string(b""))
    connection.upstream(opened)
    assert connection.taken() == ([opened], [])


def test_a_connection_that_the_client_does_not_take_is_told() -> None:
    connection = Connection(_REMOTE)
    connection.client(global_request(b"tcpip-forward", _listener(b"localhost", 80)))
    connection.upstream(_GRANTED, _open(b"forwarded-tcpip", tcp(b"localhost", 80)))
    connection.client(ChannelOpenFailure(100, 2, b"nobody there").encode())
    (event,) = connection.told(SshForward)
    assert (event.accepted, event.failure) == (False, "nobody there")


def test_a_listener_is_refused_in_its_turn() -> None:
    connection = Connection(_REMOTE)
    first = global_request(b"tcpip-forward", _listener(b"localhost", 80))
    connection.client(first, global_request(b"tcpip-forward", _listener(b"", 80)))
    assert connection.taken() == ([], [first])
    connection.upstream(_GRANTED)
    assert connection.taken() == ([_GRANTED, REQUEST_FAILURE], [])
    sentence = "this role does not allow the server to listen on :80 for the client"
    assert connection.told(SshDenied) == [SshDenied("tcpip-forward", ":80", sentence)]


@pytest.mark.parametrize(
    ("name", "details", "answer", "told"),
    [
        (
            b"tcpip-forward",
            _listener(b"localhost", 80),
            _GRANTED,
            SshListener("listen", "localhost:80", "localhost:80", accepted=True),
        ),
        (
            b"tcpip-forward",
            _listener(b"localhost", 0),
            _GRANTED + uint32(40_001),
            SshListener("listen", "localhost:0", "localhost:40001", accepted=True),
        ),
        (
            b"tcpip-forward",
            _listener(b"localhost", 80),
            REQUEST_FAILURE,
            SshListener("listen", "localhost:80", None, accepted=False),
        ),
        (
            b"streamlocal-forward@openssh.com",
            string(b"/run/a"),
            _GRANTED,
            SshListener("listen", "unix:/run/a", "unix:/run/a", accepted=True),
        ),
        (
            b"cancel-tcpip-forward",
            _listener(b"localhost", 80),
            _GRANTED,
            SshListener("cancel", "localhost:80", "localhost:80", accepted=True),
        ),
        (
            b"cancel-streamlocal-forward@openssh.com",
            string(b"/run/a"),
            REQUEST_FAILURE,
            SshListener("cancel", "unix:/run/a", None, accepted=False),
        ),
    ],
)
def test_what_upstream_says_to_a_listener_is_told(
    name: bytes, details: bytes, answer: bytes, told: SshListener
) -> None:
    connection = Connection(_REMOTE)
    connection.client(global_request(name, details))
    assert connection.events == []
    connection.upstream(answer)
    assert connection.events == [told]


def test_a_listener_of_which_nobody_wants_to_hear_is_told_at_once() -> None:
    connection = Connection(_REMOTE)
    asked = global_request(b"tcpip-forward", _listener(b"localhost", 80), want_reply=False)
    connection.client(asked)
    assert connection.told(SshListener) == [
        SshListener("listen", "localhost:80", "localhost:80", accepted=True)
    ]


def _ungranted(connection: Connection) -> None:
    connection.client(global_request(b"tcpip-forward", _listener(b"localhost", 80)))
    connection.upstream(REQUEST_FAILURE)


def _cancelled(connection: Connection) -> None:
    connection.client(global_request(b"tcpip-forward", _listener(b"localhost", 80)))
    cancel = global_request(b"cancel-tcpip-forward", _listener(b"localhost", 80), want_reply=False)
    connection.client(cancel)
    connection.upstream(_GRANTED)


def _unasked(connection: Connection) -> None:
    pass


@pytest.mark.parametrize("before", [_ungranted, _cancelled, _unasked])
def test_what_the_client_does_not_wait_for_is_refused(
    before: Callable[[Connection], None],
) -> None:
    connection = Connection(_REMOTE)
    before(connection)
    connection.taken()
    connection.upstream(_open(b"forwarded-tcpip", tcp(b"localhost", 80)))
    to_client, to_upstream = connection.taken()
    assert to_client == []
    assert [_refused(packet) for packet in to_upstream] == [(100, 1)]
    sentence = "the client has not asked for this"
    assert connection.told(SshDenied) == [SshDenied("forwarded-tcpip", "localhost:80", sentence)]


@pytest.mark.parametrize(
    ("options", "name", "kind", "details", "direction"),
    [
        (SshOptions(forward_x11=True), b"x11-req", b"x11", _X11, "x11"),
        (
            SshOptions(forward_agent=True),
            b"auth-agent-req@openssh.com",
            b"auth-agent@openssh.com",
            b"",
            "agent",
        ),
    ],
)
def test_agent_and_screen_are_lent_where_asked_for_and_allowed(
    options: SshOptions, name: bytes, kind: bytes, details: bytes, direction: str
) -> None:
    connection = Connection(options)
    connection.open()
    connection.upstream(_open(kind, details, 150))
    assert [_refused(packet) for packet in connection.taken()[1]] == [(150, 1)]
    connection.client(request(100, name, want_reply=False))
    connection.upstream(_open(kind, details, 151))
    assert len(connection.taken()[0]) == 1
    connection.client(confirmation(151, 1), close(151))
    connection.upstream(close(1))
    (event,) = connection.told(SshForward)
    assert event.direction == direction
    other = Connection()
    other.open()
    other.client(request(100, name))
    other.upstream(_open(kind, details, 150))
    assert other.to_client == [failure(0)]
    assert [_refused(packet) for packet in other.to_upstream] == [(150, 1)]


def test_upstream_opens_no_other_channels() -> None:
    connection = Connection(SshOptions(forward_local=("*",)))
    connection.upstream(_open(b"session", b""), _open(_DIRECT, tcp(b"db", 1), 101))
    assert connection.to_client == []
    assert [_refused(packet) for packet in connection.to_upstream] == [(100, 1), (101, 1)]


def test_listeners_are_bounded() -> None:
    connection = Connection(SshOptions(forward_remote=("*",)))
    for port in range(1, 1001):
        connection.client(global_request(b"tcpip-forward", _listener(b"", port), want_reply=False))
    connection.taken()
    connection.client(global_request(b"tcpip-forward", _listener(b"", 2000)))
    assert connection.taken() == ([REQUEST_FAILURE], [])


def test_nothing_is_asked_of_a_forwarded_connection() -> None:
    connection = Connection(SshOptions(forward_local=("*",)))
    connection.open(0, _DIRECT, tcp(b"db", 1))
    connection.client(request(100, b"exec", string(b"id")))
    assert connection.taken() == ([failure(0)], [])

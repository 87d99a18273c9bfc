"""Channels come to be and end; what is no part of the protocol ends the session."""

import pytest

from protocols.errors import ClientProtocolError, Reason, ServerProtocolError
from protocols.ssh.encoding import string, uint32
from protocols.ssh.events import SshDenied, SshExec
from protocols.ssh.messages import (
    ChannelOpen,
    ChannelOpenFailure,
    Message,
    OpenFailureReason,
    stderr_data,
)
from tests.protocols.ssh.connection import (
    LARGEST,
    WINDOW,
    Connection,
    adjust,
    close,
    confirmation,
    data,
    eof,
    exit_status,
    failure,
    request,
    success,
)


def _session(number: int) -> bytes:
    return ChannelOpen(b"session", number, WINDOW, LARGEST).encode()


def test_a_whole_session_passes_as_it_came() -> None:
    connection = Connection()
    client = [
        _session(0),
        request(100, b"exec", string(b"cat")),
        data(100, b"hello"),
        eof(100),
        adjust(100, 5),
        close(100),
    ]
    upstream = [
        confirmation(0, 100),
        success(0),
        data(0, b"hello"),
        stderr_data(0, b"oh"),
        adjust(0, 5),
        eof(0),
        exit_status(0, 0),
        close(0),
    ]
    for packet in (0, 1, 2, 3):
        connection.client(client[packet])
        if packet < 2:
            connection.upstream(upstream[packet])
    assert connection.channels.busy
    connection.upstream(*upstream[2:])
    connection.client(*client[4:])
    assert connection.taken() == (upstream, client)
    assert not connection.channels.busy
    assert connection.told(SshDenied) == []


def test_numbers_are_each_sides_own() -> None:
    connection = Connection()
    connection.client(_session(5), _session(6))
    connection.upstream(confirmation(6, 5), confirmation(5, 6))
    connection.client(request(5, b"exec", string(b"six")), request(6, b"exec", string(b"five")))
    connection.upstream(success(6), success(5), data(5, b"55555"), close(5))
    connection.client(close(6))
    told = connection.told(SshExec)
    assert [(event.command, event.bytes_out) for event in told] == [("five", 5)]


def test_a_number_is_free_when_both_have_closed() -> None:
    connection = Connection()
    for _ in range(2):
        connection.open()
        connection.run(b"exec", b"true")
        connection.end()
    assert len(connection.told(SshExec)) == 2


def test_a_channel_that_upstream_does_not_open_is_not_there() -> None:
    connection = Connection()
    connection.client(_session(0))
    connection.upstream(ChannelOpenFailure(0, 4, b"full").encode())
    assert not connection.channels.busy
    with pytest.raises(ClientProtocolError, match="no such channel"):
        connection.client(data(100, b"x"))


def test_more_channels_are_refused_than_may_be() -> None:
    connection = Connection()
    for number in range(1000):
        connection.client(_session(number))
    connection.taken()
    connection.client(_session(1000))
    (answer,), onward = connection.taken()
    assert onward == []
    assert ChannelOpenFailure.decode(answer).reason == OpenFailureReason.RESOURCE_SHORTAGE


def test_nothing_of_a_channel_passes_behind_its_close() -> None:
    connection = Connection()
    connection.open()
    connection.run(b"exec", b"cat")
    connection.client(close(100), data(100, b"late"), request(100, b"signal"))
    assert connection.taken() == ([], [close(100)])
    connection.upstream(data(0, b"in time"), close(0))
    assert connection.taken() == ([data(0, b"in time"), close(0)], [])


@pytest.mark.parametrize(
    "packet",
    [
        b"",
        b"\x53",
        b"\x7f\0\0\0\0",
        data(7, b"x"),
        close(0),
        data(100, b"x") + b"y",
        data(100, b"x")[:7],
        stderr_data(100, b"x"),
        request(100, b"exec", b"\0\0\0\5true"),
        request(100, b"exec", string(b"true") + b"x"),
        request(100, b"env", string(b"LANG")),
        request(100, b"pty-req", string(b"xterm")),
        request(100, b"subsystem"),
        _session(0),
        ChannelOpen(b"direct-tcpip", 1, 0, 0, b"").encode(),
        confirmation(9, 9),
        ChannelOpenFailure(9, 1).encode(),
        bytes((Message.REQUEST_SUCCESS,)),
        adjust(100, 1)[:-1],
    ],
)
def test_what_the_protocol_forbids_the_client_ends_the_session(packet: bytes) -> None:
    connection = Connection()
    connection.open()
    with pytest.raises(ClientProtocolError) as caught:
        connection.client(packet)
    assert caught.value.reason is Reason.MALFORMED
    assert str(caught.value).startswith("the client's ")


@pytest.mark.parametrize(
    "packet",
    [
        b"",
        b"\x7f\0\0\0\0",
        data(100, b"x"),
        success(0),
        failure(0),
        data(0, b"x") + b"y",
        confirmation(0, 101),
        confirmation(1, 100),
        confirmation(9, 9),
        bytes((Message.REQUEST_FAILURE,)),
        request(0, b"exit-status", b"\0"),
        ChannelOpen(b"forwarded-tcpip", 1, 0, 0, b"").encode(),
    ],
)
def test_what_the_protocol_forbids_upstream_ends_the_session(packet: bytes) -> None:
    connection = Connection()
    connection.open()
    connection.run(b"exec", b"true")
    connection.client(_session(1))
    with pytest.raises(ServerProtocolError) as caught:
        connection.upstream(packet)
    assert str(caught.value) == "upstream broke the SSH protocol"
    assert caught.value.detail.startswith("upstream's ")


def test_what_is_unfinished_is_told_once() -> None:
    connection = Connection()
    connection.open(0)
    connection.run(b"exec", b"sleep 9")
    connection.open(1)
    connection.now += 2
    connection.channels.close()
    connection.channels.close()
    (event,) = connection.told(SshExec)
    assert len(connection.events) == 1
    assert (event.command, event.finished, event.duration_ms) == ("sleep 9", False, 2000)
    assert not connection.channels.busy


def test_too_many_requests_may_not_wait_for_their_answers() -> None:
    connection = Connection()
    connection.open()
    asked = request(100, b"env", string(b"LANG") + string(b"C"))
    connection.client(*[asked] * 1000)
    with pytest.raises(ClientProtocolError, match="wait for their answers"):
        connection.client(asked)


def test_numbers_may_be_as_large_as_they_come() -> None:
    connection = Connection()
    last = 2**32 - 1
    connection.client(_session(last))
    connection.upstream(confirmation(last, last))
    connection.client(request(last, b"shell"))
    assert connection.to_upstream[-1][1:5] == uint32(last)

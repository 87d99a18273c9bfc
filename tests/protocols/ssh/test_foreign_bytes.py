"""Bytes that nobody who knows the protocol sends: they end the session by an error that says whose
fault it is, or pass, and never take more memory than there is for them."""

import tracemalloc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocols.errors import ClientProtocolError, ServerProtocolError
from protocols.ssh.encoding import string, uint32, uint64
from protocols.ssh.messages import ChannelOpen, ChannelOpenFailure, Message, stderr_data
from protocols.ssh.options import SshOptions
from protocols.ssh.sftp_messages import Fxp
from tests.protocols.ssh.connection import (
    ANY,
    READ_ONLY,
    Connection,
    adjust,
    close,
    confirmation,
    data,
    env,
    eof,
    exit_signal,
    exit_status,
    failure,
    global_request,
    pty,
    request,
    size,
    success,
    tcp,
)
from tests.protocols.ssh.sftp import (
    READ,
    WRITE,
    Files,
    close_file,
    extended,
    file_data,
    handle,
    init,
    message,
    open_file,
    read,
    status,
    version,
    write,
)

_OPTIONS = [
    SshOptions(),
    SshOptions(shell=False, exec=("a *",), sftp="read-only", record_shell="input"),
    SshOptions(forward_local=("*",), forward_remote=("*",), forward_agent=True, forward_x11=True),
]
_SFTP_REQUESTS = [
    init(),
    open_file(1, b"f", READ),
    open_file(2, b"g", WRITE),
    close_file(3),
    read(4, 0, 9),
    write(5, 0, b"content"),
    message(Fxp.RENAME, 6, string(b"a"), string(b"b")),
    message(Fxp.SETSTAT, 7, string(b"a"), uint32(15) + bytes(28)),
    extended(8, b"copy-data", string(bytes(4)), uint64(0), uint64(0), string(bytes(4)), uint64(0)),
]
_SFTP_ANSWERS = [version(), handle(1), handle(2), file_data(4, b"xyz"), status(5), status(3)]
_CLIENT = [
    *(ChannelOpen(b"session", number, 100, 100).encode() for number in (0, 1, 2)),
    ChannelOpen(b"direct-tcpip", 3, 100, 100, tcp(b"db", 1)).encode(),
    *(request(100, name) for name in (b"shell", b"auth-agent-req@openssh.com", b"x11-req")),
    request(101, b"exec", string(b"a b")),
    request(101, b"exec", string(b"refused")),
    request(102, b"subsystem", string(b"sftp")),
    request(101, b"pty-req", pty()),
    request(101, b"window-change", size(9, 9)),
    request(101, b"env", env(b"LANG", b"C")),
    request(103, b"made-up"),
    *(data(102, asked) for asked in _SFTP_REQUESTS),
    data(101, b"input"),
    *(adjust(number, 50) for number in (100, 102)),
    *(close(number) for number in (100, 101, 102, 103)),
    eof(101),
    success(100),
    confirmation(150, 4),
    ChannelOpenFailure(151, 1).encode(),
    global_request(b"tcpip-forward", string(b"localhost") + uint32(0)),
    global_request(b"cancel-tcpip-forward", string(b"localhost") + uint32(80)),
    global_request(b"made-up"),
    bytes((Message.REQUEST_SUCCESS,)),
]
_UPSTREAM = [
    *(confirmation(number, 100 + number) for number in range(4)),
    ChannelOpenFailure(3, 1, b"no", b"en").encode(),
    *(data(2, answer) for answer in _SFTP_ANSWERS),
    data(0, b"\xff\xe2output"),
    stderr_data(1, b"\xff\xe2output"),
    *(success(number) for number in range(3)),
    *(failure(number) for number in range(3)),
    *(adjust(number, 50) for number in range(3)),
    exit_status(1, 1),
    exit_signal(1, b"TERM"),
    *(close(number) for number in range(4)),
    eof(1),
    ChannelOpen(b"forwarded-tcpip", 150, 9, 9, tcp(b"localhost", 80)).encode(),
    ChannelOpen(b"x11", 151, 9, 9, string(b"::1") + uint32(6000)).encode(),
    ChannelOpen(b"auth-agent@openssh.com", 152, 9, 9).encode(),
    global_request(b"hostkeys-00@openssh.com", b"keys"),
    global_request(b"keepalive@openssh.com"),
    bytes((Message.REQUEST_SUCCESS,)) + uint32(80),
]


@st.composite
def _broken(draw: st.DrawFn, packets: list[bytes]) -> bytes:
    """A packet of these: mostly as it is, else with bytes of it cut, changed or added."""
    packet = draw(st.sampled_from(packets))
    if draw(st.integers(0, 3)):
        return packet
    start = draw(st.integers(0, len(packet)))
    end = draw(st.integers(start, len(packet)))
    return packet[:start] + draw(st.binary(max_size=6)) + packet[end:]


_PACKETS = st.lists(
    st.one_of(
        st.tuples(st.just("client"), _broken(_CLIENT)),
        st.tuples(st.just("upstream"), _broken(_UPSTREAM)),
    ),
    max_size=40,
)


@settings(max_examples=200)
@given(st.sampled_from(_OPTIONS), _PACKETS)
def test_each_side_is_blamed_for_what_it_sends(
    options: SshOptions, packets: list[tuple[str, bytes]]
) -> None:
    connection = Connection(options)
    for side, packet in packets:
        try:
            if side == "client":
                connection.client(packet)
            else:
                connection.upstream(packet)
        except ClientProtocolError:
            assert side == "client"
            break
        except ServerProtocolError:
            assert side == "upstream"
            break
    connection.channels.close()
    assert not connection.channels.busy
    assert all(tape.closed for tape in connection.tapes.values())


@given(st.binary(max_size=200), st.booleans(), st.booleans())
def test_any_bytes_are_taken_for_sftp_or_end_the_session(
    content: bytes, by_client: bool, read_only: bool
) -> None:
    files = Files(options=READ_ONLY if read_only else ANY)
    if by_client:
        try:
            files.ask(content)
        except ClientProtocolError:
            return
        assert content.startswith(files.taken()[1]) or read_only
    else:
        try:
            files.answer(content)
        except ServerProtocolError:
            return
        assert files.taken()[0] == content


def _ask_for_ever(files: Files, path: bytes, *, answered: bool) -> None:
    for number in range(1 << 20):
        files.ask(open_file(number, path, READ))
        if answered:
            files.answer(handle(number, b"%08d" % number))
        files.connection.taken()


@pytest.mark.parametrize("answered", [False, True], ids=["unanswered", "open"])
@pytest.mark.parametrize(
    "path", [b"f", bytes(4000), b"\xff" * 4000, bytes(4000) + b"\xf0\x9f\x98\x80"]
)
def test_what_is_unfinished_is_bounded(
    monkeypatch: pytest.MonkeyPatch, path: bytes, answered: bool
) -> None:
    monkeypatch.setattr("protocols.ssh.context._MAX_KEPT", 1 << 20)
    files = Files()
    tracemalloc.start()
    try:
        with pytest.raises(ClientProtocolError, match="more is unfinished"):
            _ask_for_ever(files, path, answered=answered)
        assert tracemalloc.get_traced_memory()[1] < 1 << 21
    finally:
        tracemalloc.stop()


def test_what_is_answered_is_forgotten() -> None:
    files = Files()
    for number in range(1000):
        files.ask(open_file(number, bytes(4000), READ))
        files.answer(handle(number))
        files.ask(close_file(number))
        files.answer(status(number))
        files.connection.taken()
    assert len(files.told) == 1000

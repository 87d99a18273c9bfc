"""Conversations that no program here has: what is rare, and what is worth saying again and again.

In the latter, `0000` is counted up.
"""

from collections.abc import Mapping, Sequence

from protocols.api import Side
from protocols.ssh.encoding import string, uint32
from protocols.ssh.messages import ChannelOpen, ChannelOpenFailure, Message, stderr_data
from tests.fuzz.conversation import Conversation, Step
from tests.fuzz.ssh.flood import DIGITS
from tests.fuzz.ssh.framing import framed
from tests.protocols.ssh.connection import (
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

_NUMBER = int.from_bytes(DIGITS % 0, "big")
_GRANTED = bytes((Message.REQUEST_SUCCESS,))
_FORWARDED, _KEEPALIVE = b"forwarded-tcpip", b"keepalive@openssh.com"
_SIDES = (Side.CLIENT, Side.UPSTREAM)
_Said = Sequence[Sequence[bytes]]


def _open(kind: bytes = b"session", details: bytes = b"", number: int = 0) -> bytes:
    return ChannelOpen(kind, number, 1 << 21, 1 << 15, details).encode()


_SESSION: _Said = ([_open()], [confirmation(0, 100)])
_RARE: Mapping[str, _Said] = {
    "x11": (
        *_SESSION,
        [request(100, b"x11-req", b"\0" + string(b"MIT") + string(b"0") + uint32(0))],
        [success(0), _open(b"x11", string(b"::1") + uint32(9), 101)],
        [confirmation(101, 1), data(101, b"screen"), close(101)],
        [data(1, b"program"), close(1)],
    ),
    "agent": (
        *_SESSION,
        [request(100, b"auth-agent-req@openssh.com", want_reply=False)],
        [_open(b"auth-agent@openssh.com", b"", 101)],
        [confirmation(101, 1), data(101, string(b"\x0c"))],
        [data(1, string(b"\x0b")), close(1)],
    ),
    "sockets": (
        [
            global_request(b"streamlocal-forward@openssh.com", string(b"/run/a")),
            _open(b"direct-streamlocal@openssh.com", string(b"/run/b") + string(b"") + uint32(0)),
        ],
        [_GRANTED, ChannelOpenFailure(0, 2, b"no", b"en").encode()],
        [global_request(b"cancel-streamlocal-forward@openssh.com", string(b"/run/a"))],
        [
            _open(b"forwarded-streamlocal@openssh.com", string(b"/run/a") + string(b""), 100),
            _GRANTED,
        ],
        [ChannelOpenFailure(100, 1, b"no").encode()],
    ),
    "any_port": (
        [global_request(b"tcpip-forward", string(b"localhost") + uint32(0))],
        [_GRANTED + uint32(8080), _open(_FORWARDED, tcp(b"localhost", 8080), 100)],
        [confirmation(100, 3), data(100, b"x"), close(100)],
        [close(3)],
    ),
    "named_port": (
        [global_request(b"tcpip-forward", string(b"localhost") + uint32(8080))],
        [_GRANTED, _open(_FORWARDED, tcp(b"localhost", 8080), 100)],
        [confirmation(100, 3), close(100)],
    ),
    "terminal": (
        *_SESSION,
        [request(100, b"pty-req", pty()), request(100, b"env", env(b"LANG", b"C"))],
        [success(0), success(0)],
        [request(100, b"shell"), data(100, b"top\r"), request(100, b"window-change", size(9, 9))],
        [success(0), data(0, b"\xe2\x82"), data(0, b"\xac"), stderr_data(0, b"oh")],
        [request(100, b"signal", string(b"INT"), want_reply=False), eof(100)],
        [exit_signal(0, b"INT"), eof(0), close(0)],
        [close(100)],
    ),
    "refused": (
        *_SESSION,
        [request(100, b"exec", string(b"id")), data(100, b"x"), close(100)],
        [failure(0), close(0)],
        *_SESSION,
        [request(100, b"exec", string(b"echo hello"))],
        [success(0), exit_status(0, 0), close(0)],
    ),
    "narrow": (
        [ChannelOpen(b"session", 0, 5, 3).encode()],
        [confirmation(0, 100, 5)],
        [request(100, b"subsystem", string(b"sftp"))],
        [success(0)],
        [data(100, string(b"\1\0\0\0\x09")), adjust(100, 5)],
        [data(0, string(b"\2\0\0\0\3")), adjust(0, 5)],
    ),
    "of_none": (
        [global_request(_KEEPALIVE), global_request(b"no-more-sessions@openssh.com")],
        [global_request(b"hostkeys-00@openssh.com", b"keys"), global_request(_KEEPALIVE)],
        [bytes((Message.REQUEST_FAILURE,))],
        [bytes((Message.REQUEST_FAILURE,)), _GRANTED],
    ),
}
_OPENED = ([_open(number=_NUMBER)], [confirmation(_NUMBER, _NUMBER)])
_FLOODS: Mapping[str, _Said] = {
    "keepalives": ([global_request(_KEEPALIVE, want_reply=False)],),
    "commands": (
        *_OPENED,
        [request(_NUMBER, b"exec", string(b"echo 0000")), close(_NUMBER)],
        [success(_NUMBER), close(_NUMBER)],
    ),
    "opens": (*_OPENED,),
    "asks": ([_open(number=_NUMBER)],),
    "listeners": (
        [global_request(b"tcpip-forward", string(b"0000") + uint32(0))],
        [_GRANTED + b"0000"],
    ),
    "listeners_unasked": (
        [global_request(b"tcpip-forward", string(b"0000") + b"\0\0" + b"00", want_reply=False)],
    ),
}


def rare() -> list[Conversation]:
    return _conversations(_RARE)


def floods() -> list[Conversation]:
    return _conversations(_FLOODS)


def _conversations(all_said: Mapping[str, _Said]) -> list[Conversation]:
    """What the client says and what upstream says, in turn."""
    return [
        Conversation(tuple(Step(_SIDES[i % 2], framed(*packets)) for i, packets in enumerate(said)))
        for said in all_said.values()
    ]

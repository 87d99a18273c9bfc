"""What breaks a promise is found out."""

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from protocols.api import Side
from protocols.errors import ClientProtocolError
from protocols.ssh import recording
from protocols.ssh.events import SshExec
from protocols.ssh.openings import Openings
from protocols.ssh.policy import Policy
from protocols.ssh.sftp_requests import Requests
from protocols.ssh.tables import Tables
from tests.fuzz.conversation import Conversation, Step
from tests.fuzz.faulty import FaultyTap, TapFault
from tests.fuzz.ssh import casts, channels, flood, messages, policy, sftp, unaudited
from tests.fuzz.ssh.framing import framed
from tests.fuzz.ssh.made import floods, rare
from tests.fuzz.ssh.shown import new_tap
from tests.fuzz.target import Breach
from tests.protocols.ssh.connection import confirmation, request, success
from tests.protocols.ssh.sftp import WRITE, open_file

_TERMINAL = next(c for c in rare() if b"window-change" in c.said(Side.CLIENT))
_X11 = next(c for c in rare() if b"x11-req" in c.said(Side.CLIENT))
_KEEPALIVES = floods()[0]


def _one(*data: bytes, side: Side = Side.CLIENT, dice: int = 0) -> Conversation:
    return Conversation(tuple(Step(side, piece) for piece in data), dice)


def _tells_too_much(tap: FaultyTap, _: memoryview) -> None:
    tap.emit(SshExec("id", 2, terminal=False, bytes_in=10**9))


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        (lambda *_: sum(range(3_000_000)), "took"),
        (lambda tap, _: tap.kept.append(bytes(1 << 20)), "keeps"),
        (_tells_too_much, "tells of more than was said"),
    ],
)
def test_of_the_channels(monkeypatch: pytest.MonkeyPatch, fault: TapFault, told: str) -> None:
    channels.check(_TERMINAL)
    monkeypatch.setattr(channels, "new_tap", partial(FaultyTap, new_tap, fault))
    with pytest.raises(Breach, match=told):
        channels.check(_TERMINAL)


def test_of_blaming_the_wrong_side(monkeypatch: pytest.MonkeyPatch) -> None:
    def blame(self: Openings, packet: bytes) -> None:
        raise ClientProtocolError("it was the client")

    monkeypatch.setattr(Openings, "upstream_opens", blame)
    with pytest.raises(Breach, match="blames the other side"):
        channels.check(_X11)


@pytest.mark.parametrize("question", ["x11", "shell"])
def test_of_a_role(monkeypatch: pytest.MonkeyPatch, question: str) -> None:
    said = _X11 if question == "x11" else _TERMINAL
    closed = Conversation(said.steps, dice=1)
    policy.check(closed)
    monkeypatch.setattr(Policy, question, lambda self: None)
    with pytest.raises(Breach, match="reaches the upstream"):
        policy.check(closed)


def test_of_an_audit_that_takes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    shell = Step(Side.CLIENT, framed(request(100, b"shell")))
    said = Conversation((*_TERMINAL.steps[:2], shell))
    unaudited.check(said)
    monkeypatch.setattr(Tables, "close", lambda self: None)
    with pytest.raises(Breach, match="leaves something open"):
        unaudited.check(said)


def test_of_a_flood(monkeypatch: pytest.MonkeyPatch) -> None:
    flood.check(_KEEPALIVES)
    keeps = partial(FaultyTap, new_tap, lambda tap, chunk: tap.kept.append(bytes(chunk)))
    monkeypatch.setattr(flood, "new_tap", keeps)
    with pytest.raises(Breach, match="entries of one kind"):
        flood.check(_KEEPALIVES)


def test_of_a_message(monkeypatch: pytest.MonkeyPatch) -> None:
    said = _one(framed(confirmation(0, 0), success(0)))
    messages.check(said)
    monkeypatch.setattr(messages, "_DECODERS", {"Lossy": lambda body: (body, body.rstrip(b"\0"))})
    with pytest.raises(Breach, match=r"Lossy .* becomes"):
        messages.check(said)


def _swallows(feed: Callable[..., Any], self: Requests, piece: memoryview) -> Any:
    return (b"", 0) if len(piece) == 1 else feed(self, piece)


def test_of_sftp(monkeypatch: pytest.MonkeyPatch) -> None:
    said = _one(open_file(7, b"f", WRITE))
    sftp.check(said)
    feed = Requests.feed
    monkeypatch.setattr(Requests, "feed", lambda self, piece: _swallows(feed, self, piece))
    with pytest.raises(Breach, match="where it is cut by"):
        sftp.check(said)


def test_of_sftp_that_only_reads(monkeypatch: pytest.MonkeyPatch) -> None:
    said = _one(open_file(7, b"f", WRITE), dice=1)
    sftp.check(said)
    monkeypatch.setattr(Policy, "read_only", False)
    with pytest.raises(Breach, match="reaches upstream, not"):
        sftp.check(said)


class _Careless:
    """Decodes each piece by itself."""

    def __init__(self, errors: str) -> None:
        self._errors = errors

    def decode(self, piece: memoryview, final: bool = False) -> str:
        return bytes(piece).decode(errors=self._errors)


def test_of_a_recording(monkeypatch: pytest.MonkeyPatch) -> None:
    said = _one("\u20ac".encode() * 20, side=Side.UPSTREAM)
    casts.check(said)
    monkeypatch.setattr(recording, "_Utf8", _Careless)
    with pytest.raises(Breach, match="records"):
        casts.check(said)

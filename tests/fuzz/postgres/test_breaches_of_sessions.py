"""What watches a session and breaks a promise is found out: one planted fault for each promise."""

from collections.abc import Callable
from functools import partial

import pytest

from protocols.api import Chunk, Side
from protocols.postgres.frames import Frames
from tests.fuzz import faulty
from tests.fuzz.conversation import Conversation, Step
from tests.fuzz.faulty import FaultyTap, TapFault
from tests.fuzz.postgres import flood, frames, gate, tap, unaudited
from tests.fuzz.target import Breach
from tests.protocols.postgres.queries import PARSED, READY, SYNC, complete, extended, parse, query

_SAID = Conversation(
    (
        Step(Side.CLIENT, query("SELECT 1")),
        Step(Side.UPSTREAM, complete("SELECT 1") + READY),
        Step(Side.CLIENT, extended("SELECT 2") + SYNC),
    )
)
_NEW_TAP, _NEW_GATE = tap.new_tap, gate.new_gate


@pytest.mark.parametrize(
    ("fault", "told"),
    faulty.OF_TAPS,
)
def test_of_the_tap(monkeypatch: pytest.MonkeyPatch, fault: TapFault, told: str) -> None:
    tap.check(_SAID)
    monkeypatch.setattr(tap, "new_tap", partial(FaultyTap, _NEW_TAP, fault))
    with pytest.raises((Breach, AttributeError), match=told):
        tap.check(_SAID)


def test_of_a_tap_that_interrupts_a_message(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tap, "at_boundary", lambda _: False)
    refused = Conversation((Step(Side.CLIENT, bytes(5)),))
    with pytest.raises(Breach, match="in the middle of a message"):
        tap.check(refused)


def test_of_a_session_that_is_not_audited(monkeypatch: pytest.MonkeyPatch) -> None:
    unaudited.check(_SAID)
    monkeypatch.setattr(unaudited, "at_boundary", lambda _: False)
    with pytest.raises(Breach, match="in the middle of a message"):
        unaudited.check(_SAID)


def test_of_a_session_that_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    said = Conversation((Step(Side.CLIENT, parse("", b"s00000")), Step(Side.UPSTREAM, PARSED)))
    assert flood.check(said).messages == 60_000
    remembers = partial(FaultyTap, _NEW_TAP, lambda tap, _: tap.kept.append(b"little"))
    monkeypatch.setattr(flood, "new_tap", remembers)
    with pytest.raises(Breach, match="and 30000 entries of one kind"):
        flood.check(said)


class _Frames(Frames):
    """Loses a byte of every chunk of two."""

    def feed(self, chunk: Chunk) -> None:
        super().feed(chunk[1:] if len(chunk) == 2 else chunk)


def test_of_the_frames(monkeypatch: pytest.MonkeyPatch) -> None:
    frames.check(_SAID)
    monkeypatch.setattr(frames, "Frames", _Frames)
    monkeypatch.setattr(frames, "cuts", lambda _: [(2,)])
    with pytest.raises(Breach, match="out of the client's bytes otherwise"):
        frames.check(_SAID)


class _Gate:
    """A gate as it should be, but for what a fault makes of what goes on."""

    def __init__(self, fault: Callable[[bytes], bytes], dice: int) -> None:
        self._gate = _NEW_GATE(dice)
        self._fault = fault

    def client_sent(self, chunk: Chunk) -> bytes:
        return self._fault(bytes(self._gate.client_sent(chunk)))

    def upstream_sent(self, chunk: Chunk) -> bytes:
        return self._fault(bytes(chunk))


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        (lambda data: data.replace(b"SELECT 1", b"SELECT 2"), "changed upstream's bytes"),
        (lambda data: data.replace(b"SELECT 2", b"SELECT 3"), "goes on"),
        (lambda data: data.replace(b"\0\0\0\0", b""), "goes on"),
        (lambda data: data[:20], "goes on"),
    ],
)
def test_of_the_gate(
    monkeypatch: pytest.MonkeyPatch, fault: Callable[[bytes], bytes], told: str
) -> None:
    gate.check(_SAID)
    monkeypatch.setattr(gate, "new_gate", partial(_Gate, fault))
    with pytest.raises(Breach, match=told):
        gate.check(_SAID)

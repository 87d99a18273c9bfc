"""What watches a session and breaks a promise is found out: one planted fault for each promise."""

from collections.abc import Callable
from functools import partial
from types import SimpleNamespace
from typing import Any

import pytest

from protocols.api import Emit, Side
from protocols.errors import Reason, Refusal
from protocols.postgres.frames import Frames
from tests.fuzz.conversation import Conversation, Step
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


class _Tap:
    """A tap as it should be, but for what a fault does with every chunk of the client's."""

    def __init__(
        self, fault: Callable[["_Tap", memoryview], object], emit: Emit, dice: int
    ) -> None:
        self._tap = _NEW_TAP(emit, dice)
        self._fault = fault
        self.emit = emit
        self.kept: list[bytes] = []

    def client_sent(self, chunk: memoryview) -> None:
        self._fault(self, chunk)
        self._tap.client_sent(chunk)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._tap, name)


def _tells_of_chunks(tap: _Tap, chunk: memoryview) -> None:
    tap.emit(SimpleNamespace(name=f"{len(chunk)} bytes"))  # type: ignore[arg-type]


def _changes_bytes(_: _Tap, chunk: memoryview) -> None:
    chunk[0] ^= 1


def _keeps_views(tap: _Tap, chunk: memoryview) -> None:
    tap.emit(SimpleNamespace(name=chunk[:1]))  # type: ignore[arg-type]


def _refuses_chunks(_: _Tap, chunk: memoryview) -> None:
    if len(chunk) == 1:
        raise Refusal(Reason.MALFORMED, "too short")


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        (_tells_of_chunks, "where it is cut"),
        (_keeps_views, "where it is cut"),
        (_refuses_chunks, "where it is cut"),
        (_changes_bytes, "changed what it was shown"),
        (lambda *_: sum(range(3_000_000)), "took"),
        (lambda tap, _: tap.kept.append(bytes(1 << 20)), "keeps"),
        (lambda tap, _: tap.missing, "missing"),
    ],
)
def test_of_the_tap(
    monkeypatch: pytest.MonkeyPatch, fault: Callable[[_Tap, memoryview], object], told: str
) -> None:
    tap.check(_SAID)
    monkeypatch.setattr(tap, "new_tap", partial(_Tap, fault))
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
    remembers = partial(_Tap, lambda tap, _: tap.kept.append(b"little"))
    monkeypatch.setattr(flood, "new_tap", remembers)
    with pytest.raises(Breach, match="and 30000 entries of one kind"):
        flood.check(said)


class _Frames(Frames):
    """Loses a byte of every chunk of two."""

    def feed(self, chunk: memoryview) -> None:
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

    def client_sent(self, chunk: memoryview) -> bytes:
        return self._fault(bytes(self._gate.client_sent(chunk)))

    def upstream_sent(self, chunk: memoryview) -> bytes:
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

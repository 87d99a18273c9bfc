"""What watches a session and breaks a promise is found out: one planted fault for each promise."""

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from protocols.api import Chunk, Side
from tests.fuzz import faulty, taps
from tests.fuzz.conversation import Conversation, Step
from tests.fuzz.faulty import FaultyTap, TapFault
from tests.fuzz.mysql import flood, gate, tap, unaudited
from tests.fuzz.target import Breach, Checked
from tests.protocols.mysql.conversation import (
    command,
    prepare,
    prepared,
    query,
    result,
    row,
)

_SAID = Conversation(
    (
        Step(Side.CLIENT, query("SELECT 1")),
        Step(Side.UPSTREAM, result([row(b"1")])),
        Step(Side.CLIENT, query("SELECT 2") + command(b"\x0e")),
    )
)
_TARGETS = {
    "tap": tap.check,
    "audited": tap.check_audited,
    "joined": tap.check_joined,
    "compressed": tap.check_compressed,
}
_NEW_TAP, _NEW_GATE = tap.new_tap, gate.new_gate


@pytest.mark.parametrize("check", _TARGETS.values(), ids=_TARGETS)
@pytest.mark.parametrize(
    ("fault", "told"),
    faulty.OF_TAPS,
)
def test_of_the_tap(
    monkeypatch: pytest.MonkeyPatch,
    check: Callable[[Conversation], Checked],
    fault: TapFault,
    told: str,
) -> None:
    check(_SAID)
    monkeypatch.setattr(tap, "new_tap", partial(FaultyTap, _NEW_TAP, fault))
    with pytest.raises((Breach, AttributeError), match=told):
        check(_SAID)


def test_of_a_tap_that_interrupts_a_packet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tap, "ends_packet", lambda _: False)
    refused = Conversation((Step(Side.CLIENT, query("")), Step(Side.UPSTREAM, command(b""))))
    with pytest.raises(Breach, match="in the middle of a message"):
        tap.check(refused)
    framed = Conversation((Step(Side.UPSTREAM, bytes(3) + b"\0\1\0\0"),))
    tap.check_frames(framed)
    monkeypatch.setattr(tap, "inflate", lambda *_: b"half")
    with pytest.raises(Breach, match="in the middle of a message"):
        tap.check_frames(framed)


@pytest.mark.parametrize(
    ("name", "told"), [("rows", "2 rows, more than"), ("loaded_bytes", "loaded_bytes, more than")]
)
def test_of_events_that_tell_of_more_than_there_was(
    monkeypatch: pytest.MonkeyPatch, name: str, told: str
) -> None:
    event = {"rows": 0, "loaded_bytes": 0, "warnings": 0} | {name: 1 << 20}
    told = told.replace("2 rows", f"{1 << 20} rows")
    monkeypatch.setattr(taps, "encoded", lambda _: [("mysql.query", event)])
    with pytest.raises(Breach, match=told):
        tap.check(_SAID)


def test_of_a_session_that_is_not_audited(monkeypatch: pytest.MonkeyPatch) -> None:
    unaudited.check(_SAID)
    monkeypatch.setattr(unaudited, "ends_packet", lambda _: False)
    with pytest.raises(Breach, match="in the middle of a message"):
        unaudited.check(_SAID)


def test_of_a_session_that_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    zero = int.from_bytes(flood.DIGITS % 0, "little")
    steps = Step(Side.CLIENT, prepare("DO 1")), Step(Side.UPSTREAM, prepared(zero))
    said = Conversation(steps)
    assert flood.check(said).messages == 60_000
    remembers = partial(FaultyTap, _NEW_TAP, lambda tap, _: tap.kept.append(b"little"))
    monkeypatch.setattr(flood, "new_tap", remembers)
    with pytest.raises(Breach, match="and 30000 entries of one kind"):
        flood.check(said)


class _Gate:
    """A gate as it should be, but for what a fault makes of what goes on."""

    def __init__(self, fault: Callable[[bytes], bytes], gate: Any) -> None:
        self._gate = gate
        self._fault = fault

    def client_sent(self, chunk: Chunk) -> bytes:
        return self._fault(bytes(self._gate.client_sent(chunk)))

    def upstream_sent(self, chunk: Chunk) -> bytes:
        return self._fault(bytes(self._gate.upstream_sent(chunk)))


_FAULTS: list[tuple[Callable[[bytes], bytes], str]] = [
    (lambda data: data.replace(b"SELECT 1", b"SELECT 3"), "on"),
    (lambda data: data.replace(b"\x0e", b"\x12"), "on"),
    (lambda data: data.replace(b"def", b"abc"), "bytes|goes on"),
    (lambda data: data[:8], "on"),
]
_FAULTS_OF_FRAMES: list[tuple[Callable[[bytes], bytes], str]] = [
    (lambda data: data[:8], "goes on"),
    (lambda data: data + bytes(1), "goes on"),
    (lambda data: b"", "goes on"),
]


@pytest.mark.parametrize(
    ("check", "fault", "told"),
    [(check, *fault) for check in (gate.check, gate.check_joined) for fault in _FAULTS]
    + [(gate.check_compressed, *fault) for fault in _FAULTS_OF_FRAMES],
)
def test_of_the_gate(
    monkeypatch: pytest.MonkeyPatch,
    check: Callable[[Conversation], Checked],
    fault: Callable[[bytes], bytes],
    told: str,
) -> None:
    check(_SAID)

    def new_gate(dice: int, **settings: bool) -> tuple[Any, Any]:
        tap, made = _NEW_GATE(dice, **settings)
        return tap, _Gate(fault, made)

    monkeypatch.setattr(gate, "new_gate", new_gate)
    with pytest.raises(Breach, match=told):
        check(_SAID)


def test_of_a_gate_that_holds_back_what_is_harmless() -> None:
    asked = query("SELECT 1") + command(b"\x12") + query("SELECT 2") * 2
    said = Conversation((Step(Side.CLIENT, asked),))
    gate.check(said)
    with pytest.raises(Breach, match="do not go on"):
        gate.compare(said, gate.Passed(bytearray(query("SELECT 1"))))

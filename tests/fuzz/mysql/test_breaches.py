"""What reads a packet or a login and breaks a promise is found out: one planted fault for each."""

from collections.abc import Callable, Iterator
from functools import partial
from unittest.mock import patch

import pytest

from protocols.api import Chunk, Send, Side
from protocols.errors import Refusal
from protocols.mysql.compression import Frames
from protocols.mysql.frames import PacketReader, Packets
from protocols.mysql.login import MysqlLogin
from protocols.mysql.messages import OkPacket
from protocols.mysql.statements import Prepared, PreparedStatements
from tests.fuzz import faulty
from tests.fuzz.conversation import Conversation, Step
from tests.fuzz.faulty import Converse, Conversing
from tests.fuzz.mysql import (
    frames,
    logins,
    messages,
    packets,
    parameters,
    prepared,
    statements,
)
from tests.fuzz.mysql.bombs import frame
from tests.fuzz.target import Breach
from tests.protocols.mysql.conversation import OK, command, execute, prepare, query, result, row
from tests.protocols.mysql.server import ACCOUNT, error, packet

_SAID = Conversation(
    (
        Step(Side.CLIENT, query("SELECT 1")),
        Step(Side.UPSTREAM, result([row(b"1"), row(b"2")])),
        Step(Side.CLIENT, prepare("SELECT ?") + execute(1, bytes(30))),
        Step(Side.UPSTREAM, OK),
    )
)


def test_of_a_message(monkeypatch: pytest.MonkeyPatch) -> None:
    messages.check(_SAID)
    lossy = {"Lossy": lambda payload: (payload, payload.rstrip(b"\0"))}
    monkeypatch.setattr(messages, "_DECODERS", lossy)
    with pytest.raises(Breach, match=r"Lossy .* becomes"):
        messages.check(_SAID)


def test_of_a_message_that_fails_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    broken = {"Broken": lambda payload: (OkPacket.decode(payload), payload[999])}
    monkeypatch.setattr(messages, "_DECODERS", broken)
    with pytest.raises(IndexError):
        messages.check(_SAID)


class _LosesBytes(Packets):
    """A byte of every chunk of two."""

    def feed(self, chunk: Chunk) -> None:
        super().feed(chunk[1:] if len(chunk) == 2 else chunk)


class _JoinsNothing(Packets):
    """What goes on is a packet of its own."""

    def __init__(self, reader: PacketReader, kept: int) -> None:
        with patch("protocols.mysql.frames.MAX_PAYLOAD", 1 << 24):
            super().__init__(reader, kept)


@pytest.mark.parametrize("kind", [_LosesBytes, _JoinsNothing])
def test_of_the_packets(monkeypatch: pytest.MonkeyPatch, kind: type[Packets]) -> None:
    long = b"".join(packet(i, b"\x10" * 63) for i in range(3)) + packet(3, b"")
    said = Conversation((Step(Side.CLIENT, long),), dice=1)
    packets.check(said)
    monkeypatch.setattr(packets, "Packets", kind)
    monkeypatch.setattr(packets, "cuts", lambda _: [(2,)])
    with pytest.raises(Breach, match="of the client's bytes, not"):
        packets.check(said)


class _BelievesClaims(Frames):
    """Inflates whatever there is."""

    def _inflate(self, raw: bytes) -> Iterator[bytes]:
        self._owed = 0
        try:
            yield from super()._inflate(raw)
        except Refusal:
            yield b"more than it says"


class _KeepsAll(Frames):
    def _inflate(self, raw: bytes) -> Iterator[bytes]:
        self._kept = raw + bytes(1 << 20)
        yield from super()._inflate(raw)


@pytest.mark.parametrize(
    ("kind", "told"), [(_BelievesClaims, "of the client's bytes, not"), (_KeepsAll, "keeps")]
)
def test_of_the_frames(monkeypatch: pytest.MonkeyPatch, kind: type[Frames], told: str) -> None:
    said = Conversation((Step(Side.CLIENT, frame(b"no stream", 50) + frame(OK, 0)),))
    if kind is _KeepsAll:
        said = Conversation((Step(Side.CLIENT, frame(OK, 0)),))
    frames.check(said)
    monkeypatch.setattr(frames, "Frames", kind)
    with pytest.raises(Breach, match=told):
        frames.check(said)


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        (lambda *_: ((None,) * 1_001, None, None), "tells 1001 values"),
        (lambda *_: (("x" * 2_000,), None, None), "of 2000 characters"),
        (lambda *_: (None, None, 1 << 20), "finds a statement at 1048576"),
        (lambda *_: sum(range(9_000_000)), "took"),
    ],
)
def test_of_the_parameters(
    monkeypatch: pytest.MonkeyPatch, fault: Callable[..., parameters.Told], told: str
) -> None:
    parameters.check(_SAID)
    monkeypatch.setattr(parameters, "_read", lambda *known, **_: fault(*known))
    with pytest.raises(Breach, match=told):
        parameters.check(_SAID)


class _Forgets(PreparedStatements):
    def drop(self, number: int) -> None:
        self._prepared.pop(number, None)


class _Mistakes(PreparedStatements):
    def get(self, number: int) -> Prepared | None:
        return Prepared()


class _Unbounded(PreparedStatements):
    def put(self, number: int, prepared: Prepared) -> None:
        self._prepared[number] = prepared


class _Leaks(PreparedStatements):
    """The room of what was sent for a statement that never was."""

    def ask(self, prepared: Prepared) -> None:
        self.last = prepared


@pytest.mark.parametrize("number", [0, 2])
def test_of_room_that_is_lost(monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    said = prepared.seeds()[number]
    prepared.check(said)
    monkeypatch.setattr(prepared, "PreparedStatements", _Leaks)
    with pytest.raises(Breach, match="there is no room though every statement is gone"):
        prepared.check(said)


@pytest.mark.parametrize(
    ("kind", "dice", "told"),
    [
        (_Forgets, 8, "there is no room though every statement is gone"),
        (_Mistakes, 0, "has become"),
        (_Unbounded, 8, "keeps"),
    ],
)
def test_of_what_is_prepared(
    monkeypatch: pytest.MonkeyPatch, kind: type[PreparedStatements], dice: int, told: str
) -> None:
    one, other = (command(b"\x16" + bytes((n,)) + b"x" * 500) for n in (1, 2))
    said = Conversation((Step(Side.CLIENT, one + other),), dice)
    prepared.check(said)
    monkeypatch.setattr(prepared, "PreparedStatements", kind)
    with pytest.raises(Breach, match=told):
        prepared.check(said)


@pytest.mark.parametrize(
    ("fault", "text", "told"),
    [
        (lambda text, _: text, b"SELECT 1", "tells a password"),
        (lambda text, _: b"", b"SELECT 1", "changed"),
        (lambda text, _: text * 0 if sum(range(9_000_000)) else text, b"password", "took"),
    ],
)
def test_of_the_redaction(
    monkeypatch: pytest.MonkeyPatch, fault: Callable[[bytes, str], bytes], text: bytes, told: str
) -> None:
    said = Conversation((Step(Side.CLIENT, text),))
    statements.check_redaction(said)
    monkeypatch.setattr(statements, "redact", fault)
    with pytest.raises(Breach, match=told):
        statements.check_redaction(said)


def test_of_a_file_that_no_statement_names(monkeypatch: pytest.MonkeyPatch) -> None:
    said = Conversation((Step(Side.CLIENT, b"SELECT 1"), Step(Side.UPSTREAM, b"/etc/passwd")))
    statements.check_files(said)
    monkeypatch.setattr(statements, "names_file", lambda *_: True)
    with pytest.raises(Breach, match="is a file of"):
        statements.check_files(said)


@pytest.mark.parametrize(
    ("make", "told"),
    faulty.of_logins(ACCOUNT, lambda said: packet(0, error(1045, said)), "bytes from the client"),
)
def test_of_a_login(make: Converse, told: str) -> None:
    said = Conversation((Step(Side.CLIENT, packet(1, b"") * 99), Step(Side.UPSTREAM, b"N")))
    check = partial(logins.check, key="")
    check(faulty.returns_what_it_read, conversation=said)
    with pytest.raises((Breach, ValueError), match=told):
        check(make, conversation=said)


def test_of_a_login_that_says_the_password_in_clear(monkeypatch: pytest.MonkeyPatch) -> None:
    said = Conversation((Step(Side.CLIENT, b""), Step(Side.UPSTREAM, OK)))
    monkeypatch.setitem(logins.GENERATORS, "probe", _tells)
    with pytest.raises(Breach, match="sent the password in clear"):
        logins.check(_tells, "", said)


def _tells(login: MysqlLogin, _: int) -> Conversing:
    yield Send(Side.UPSTREAM, packet(1, login.password.encode()))

"""When a tap is shown what, and what becomes of its answers."""

import asyncio

import pytest

from protocols.api import Chunk
from protocols.errors import ClientProtocolError, Reason, Refusal
from proxy.hindsight import Hindsight
from proxy.observer import Observer

_GOODBYE = Refusal(Reason.SHUTTING_DOWN, "goodbye")
_LONG = bytes(2_049)


class _Tap:
    """`!` is wrong, `?` makes upstream owe an answer; of a hundred unanswered it is full."""

    room = 100
    upstream_may_wait = True

    def __init__(self) -> None:
        self.seen: list[bytes] = []
        self.owed = 0

    def may_wait(self, chunk: bytes) -> bool:
        return b"now" not in chunk

    def client_sent(self, chunk: Chunk) -> None:
        self.seen.append(bytes(chunk))
        if b"!" in bytes(chunk):
            raise ClientProtocolError("no shouting")
        self.owed += bytes(chunk).count(b"?")

    def upstream_sent(self, chunk: Chunk) -> None:
        self.seen.append(bytes(chunk))
        self.owed -= 1

    @property
    def full(self) -> bool:
        return self.owed >= self.room

    @property
    def busy(self) -> bool:
        return self.owed > 0

    def last_words(self, refusal: Refusal) -> bytes:
        return b"<%d owed>" % self.owed

    def close(self) -> None: ...


class _Relay:
    def __init__(self) -> None:
        self.told: list[str] = []

    def hold(self) -> None:
        self.told.append("hold")

    def go_on(self) -> None:
        self.told.append("go on")

    def unauditable(self, fault: Exception) -> None:
        self.told.append(str(fault))


class _Session:
    def __init__(self, hindsight: Hindsight, *, upstream_may_wait: bool = True) -> None:
        self.tap, self.relay = _Tap(), _Relay()
        self.tap.upstream_may_wait = upstream_may_wait
        self.observer = Observer(self.tap, hindsight)
        self.observer.begin(self.relay)

    def ask(self, chunk: bytes) -> None:
        self.observer.client_sent(chunk)

    def answer(self, chunk: bytes) -> None:
        self.observer.upstream_sent(memoryview(chunk))


@pytest.fixture
async def hindsight() -> Hindsight:
    return Hindsight()


@pytest.fixture
def session(hindsight: Hindsight) -> _Session:
    return _Session(hindsight)


async def test_short_chunks_wait_and_keep_their_order(session: _Session) -> None:
    session.ask(b"one?")
    session.answer(b"two")
    session.ask(b"three?")
    assert session.tap.seen == []
    session.observer.catch_up()
    assert session.tap.seen == [b"one?", b"two", b"three?"]


@pytest.mark.parametrize("chunk", [b"now", _LONG])
async def test_what_may_not_wait_is_shown_at_once_behind_what_waited(
    session: _Session, chunk: bytes
) -> None:
    session.ask(b"one?")
    session.ask(chunk)
    assert session.tap.seen == [b"one?", chunk]


async def test_a_long_answer_is_shown_at_once(session: _Session) -> None:
    session.ask(b"one?")
    session.answer(_LONG)
    assert session.tap.seen == [b"one?", _LONG]


async def test_answers_that_may_not_wait_are_shown_at_once(hindsight: Hindsight) -> None:
    session = _Session(hindsight, upstream_may_wait=False)
    session.ask(b"one?")
    session.answer(b"two")
    assert session.tap.seen == [b"one?", b"two"]


async def test_a_view_that_is_used_again_does_no_harm(session: _Session) -> None:
    buffer = bytearray(b"one?")
    session.observer.upstream_sent(memoryview(buffer))
    buffer[:] = b"new!"
    session.observer.catch_up()
    assert session.tap.seen == [b"one?"]


async def test_what_the_tap_answers_is_as_of_now(session: _Session) -> None:
    session.ask(b"one?")
    assert session.observer.busy
    session.ask(b"two?")
    assert session.observer.last_words(_GOODBYE) == b"<2 owed>"


async def test_a_fault_is_told_once_and_nothing_is_shown_after_it(session: _Session) -> None:
    session.ask(b"one!")
    session.answer(b"two")
    session.ask(b"three!")
    assert session.relay.told == []
    session.observer.catch_up()
    assert session.tap.seen == [b"one!"]
    assert session.relay.told == ["no shouting"]
    session.ask(b"now!")
    assert session.relay.told == ["no shouting"]


async def test_a_fault_is_nothing_to_other_sessions(
    session: _Session, hindsight: Hindsight
) -> None:
    other = _Session(hindsight)
    session.ask(b"one!")
    other.ask(b"two?")
    await asyncio.sleep(0.1)
    while not other.tap.seen:
        await asyncio.sleep(0.01)
    assert session.relay.told == ["no shouting"]
    assert other.relay.told == []


async def test_a_full_tap_holds_the_client_until_there_is_room(session: _Session) -> None:
    session.ask(b"?" * 100)
    session.observer.catch_up()
    assert session.relay.told == ["hold"]
    session.answer(b"one")  # at once: nothing else may come after it
    assert session.relay.told == ["hold", "go on"]


async def test_one_that_fills_and_empties_while_it_waited(session: _Session) -> None:
    session.ask(b"?" * 100)
    session.answer(b"one")
    session.observer.catch_up()
    assert session.relay.told == ["hold", "go on"]

"""What is shown later: all of it, in its order, and with the time at which it passed."""

import asyncio
import time

import pytest

from protocols.api import Chunk
from proxy import hindsight
from proxy.hindsight import Hindsight, Shown


class _Watcher(Shown):
    """Notes what it is shown, and when that had passed."""

    def __init__(self, later: Hindsight) -> None:
        self.seen: list[bytes] = []
        self.times: list[float] = []
        self._later = later

    def show(self, chunk: Chunk, from_client: bool) -> None:
        self.seen.append(bytes(chunk))
        self.times.append(self._later.clock())


@pytest.fixture
def later() -> Hindsight:
    return Hindsight()


@pytest.fixture
def watcher(later: Hindsight) -> _Watcher:
    return _Watcher(later)


async def test_what_passed_is_shown_soon_and_as_of_then(
    later: Hindsight, watcher: _Watcher
) -> None:
    before = time.monotonic()
    later.put(watcher, b"one", from_client=True)
    between = time.monotonic()
    later.put(watcher, b"two", from_client=False)
    after = time.monotonic()
    assert watcher.seen == []
    while not watcher.seen:
        await asyncio.sleep(0.01)
    assert watcher.seen == [b"one", b"two"]
    assert before <= watcher.times[0] <= between <= watcher.times[1] <= after
    assert later.clock() >= after


async def test_much_is_shown_at_once(
    later: Hindsight, watcher: _Watcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hindsight, "_LATEST", 3600)
    chunks = [b"%d" % number for number in range(100)]
    for chunk in chunks:
        later.put(watcher, chunk, from_client=True)
    assert watcher.seen == []
    await asyncio.sleep(0)
    assert watcher.seen == chunks
    for _ in range(100):
        later.put(watcher, bytes(2_048), from_client=True)
    await asyncio.sleep(0)
    assert len(watcher.seen) == 200


async def test_one_that_catches_up_while_it_is_shown_something(
    later: Hindsight, watcher: _Watcher
) -> None:
    """As a session does whose tap has failed: it asks what the tap knows by now."""

    class Failed(Shown):
        def show(self, chunk: Chunk, from_client: bool) -> None:
            later.catch_up()
            watcher.seen.append(b"shown")

    later.put(Failed(), b"first", from_client=True)
    later.put(watcher, b"second", from_client=True)
    later.catch_up()
    assert watcher.seen == [b"second", b"shown"]
    later.catch_up()
    assert len(watcher.seen) == 2

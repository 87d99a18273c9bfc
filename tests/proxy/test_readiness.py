"""Relays are served while the event loop waits, and keep nothing of its own from happening."""

import asyncio
import os
import socket
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from proxy.loop import new_event_loop, run
from proxy.readiness import Readiness, RelayLoop, Watcher, readiness
from tests.waiting import PATIENCE

Pair = tuple[socket.socket, socket.socket]


@pytest.fixture
def pairs() -> Iterator[list[Pair]]:
    with ExitStack() as stack:
        made = [socket.socketpair() for _ in range(3)]
        for end in (end for pair in made for end in pair):
            stack.enter_context(end)
            end.setblocking(False)
        yield made


class _Echo(Watcher):
    """Sends back what it reads, to the same socket."""

    def __init__(self, end: socket.socket, then: Callable[[], object] = lambda: None) -> None:
        self._end = end
        self._then = then
        self.told = 0

    def readable(self) -> None:
        self.told += 1
        self._end.send(self._end.recv(100))
        self._then()


class _Room(Watcher):
    def __init__(self) -> None:
        self.told = 0

    def writable(self) -> None:
        self.told += 1


def _run(work: Callable[[], Awaitable[None]]) -> None:
    async def main() -> None:
        assert isinstance(asyncio.get_running_loop(), RelayLoop)
        async with asyncio.timeout(PATIENCE):
            await work()

    run(main())


def test_what_is_watched_is_told_of_while_the_loop_waits(pairs: list[Pair]) -> None:
    (near, far), *_ = pairs

    async def work() -> None:
        ready, loop = readiness(), asyncio.get_running_loop()
        echo = _Echo(near)
        ready.watch_reading(near.fileno(), echo)
        for number in range(100):
            far.send(b"%d" % number)
            assert await loop.sock_recv(far, 100) == b"%d" % number
        assert echo.told == 100
        ready.leave_reading(near.fileno())
        far.send(b"more")
        await asyncio.sleep(0.02)
        assert echo.told == 100

    _run(work)


def test_room_is_told_of_until_it_is_left(pairs: list[Pair]) -> None:
    (near, _), *_ = pairs

    async def work() -> None:
        ready, room = readiness(), _Room()
        ready.watch_writing(near.fileno(), room)
        while not room.told:
            await asyncio.sleep(0.001)
        ready.leave_writing(near.fileno())
        told = room.told
        await asyncio.sleep(0.02)
        assert room.told == told

    _run(work)


def test_endless_traffic_keeps_no_timer_waiting(pairs: list[Pair]) -> None:
    """Two watchers that send each other the same byte for ever: the loop is never idle."""
    (near, far), *_ = pairs

    async def work() -> None:
        ready = readiness()
        ready.watch_reading(near.fileno(), _Echo(near))
        ready.watch_reading(far.fileno(), _Echo(far))
        far.send(b"x")
        begun = asyncio.get_running_loop().time()
        for _ in range(5):
            await asyncio.sleep(0.01)
        assert asyncio.get_running_loop().time() - begun < PATIENCE / 2
        ready.leave_reading(near.fileno())
        ready.leave_reading(far.fileno())

    _run(work)


@pytest.mark.parametrize("how", ["call_soon", "call_later", "call_soon_threadsafe"])
def test_what_a_watcher_asks_of_the_loop_happens_at_once(pairs: list[Pair], how: str) -> None:
    (near, far), *_ = pairs

    async def work() -> None:
        loop = asyncio.get_running_loop()
        happened = asyncio.Event()
        delay = [0.001] if how == "call_later" else []
        ask = getattr(loop, how)
        ready = readiness()
        ready.watch_reading(near.fileno(), _Echo(near, lambda: ask(*delay, happened.set)))
        loop.call_later(3600, list)  # what the loop would wait for otherwise
        far.send(b"x")
        await happened.wait()
        ready.leave_reading(near.fileno())

    _run(work)


def test_a_bug_in_one_is_reported_and_keeps_nobody_from_being_told(pairs: list[Pair]) -> None:
    (near, far), (other, beyond), _ = pairs
    told: list[Any] = []

    async def work() -> None:
        loop, readers = asyncio.get_running_loop(), readiness()

        def fail() -> None:
            readers.leave_reading(near.fileno())
            raise LookupError("a bug")

        loop.set_exception_handler(lambda _, context: told.append(context["exception"]))
        readers.watch_reading(near.fileno(), _Echo(near, fail))
        readers.watch_reading(other.fileno(), echo := _Echo(other))
        far.send(b"x")
        beyond.send(b"x")
        assert await loop.sock_recv(beyond, 100) == b"x"
        await asyncio.sleep(0)
        assert echo.told == 1

    _run(work)
    assert [type(bug) for bug in told] == [LookupError]


def test_one_that_is_left_by_another_is_told_nothing(pairs: list[Pair]) -> None:
    (near, far), (other, beyond), _ = pairs

    async def work() -> None:
        ready = readiness()

        def leave() -> None:
            for end in (near, other):
                ready.leave_reading(end.fileno())

        echoes = [_Echo(near, leave), _Echo(other, leave)]
        for end, echo in zip((near, other), echoes, strict=True):
            ready.watch_reading(end.fileno(), echo)
        far.send(b"x")
        beyond.send(b"x")
        await asyncio.sleep(0.02)
        assert sum(echo.told for echo in echoes) == 1

    _run(work)


def test_another_loop_watches_by_itself(pairs: list[Pair]) -> None:
    (near, far), *_ = pairs

    async def work() -> None:
        ready, loop = readiness(), asyncio.get_running_loop()
        assert type(ready) is Readiness
        echo, room = _Echo(near), _Room()
        ready.watch_reading(near.fileno(), echo)
        ready.watch_writing(near.fileno(), room)
        far.send(b"x")
        assert await loop.sock_recv(far, 100) == b"x"
        ready.leave_reading(near.fileno())
        ready.leave_writing(near.fileno())
        assert room.told

    asyncio.run(asyncio.wait_for(work(), PATIENCE))


def test_without_epoll_another_loop_will_do() -> None:
    without = "import select, selectors; del select.epoll, selectors.EpollSelector\n"
    uses = "from proxy.loop import run; from proxy.readiness import Readiness, readiness\n"
    runs = "async def main(): assert type(readiness()) is Readiness\nrun(main())"
    hook = "import tests.conftest\n"  # which has the modules run as they are written
    subprocess.run(
        [sys.executable, "-c", hook + without + uses + runs],
        check=True,
        env={"KEYLESS_PURE": "1", "PYTHONPATH": os.pathsep.join(sys.path)},
    )


def test_linux_has_our_loop() -> None:
    loop = new_event_loop()
    assert isinstance(loop, RelayLoop)
    loop.close()

"""A channel between two ends: what is told, asked and brought, and what becomes of an end alone."""

import asyncio
import os
import socket
from collections.abc import AsyncIterator
from contextlib import closing

import pytest

from proxy.workers.channel import Channel, Topic, pair

_PATIENCE = 10.0


class _Hearer:
    """Notes what it hears, and answers by `answer`."""

    def __init__(self) -> None:
        self.heard: asyncio.Queue[tuple[Topic, bytes, socket.socket | None]] = asyncio.Queue()
        self.alone = asyncio.Event()
        self.answer = b""
        self.may_answer = asyncio.Event()
        self.may_answer.set()

    def told(self, topic: Topic, body: bytes, brought: socket.socket | None) -> None:
        self.heard.put_nowait((topic, body, brought))

    async def asked(self, topic: Topic, body: bytes) -> bytes:
        await self.may_answer.wait()
        return self.answer + body

    def left_alone(self) -> None:
        self.alone.set()


class _End:
    def __init__(self, end: socket.socket) -> None:
        self.hearer = _Hearer()
        self.channel = Channel(end, self.hearer)

    async def next(self) -> tuple[Topic, bytes, socket.socket | None]:
        return await asyncio.wait_for(self.hearer.heard.get(), _PATIENCE)


Ends = tuple[_End, _End]


@pytest.fixture
async def ends() -> AsyncIterator[Ends]:
    here, there = map(_End, pair())
    yield here, there
    here.channel.close()
    there.channel.close()


async def test_what_is_told_is_heard_in_its_order(ends: Ends) -> None:
    here, there = ends
    here.channel.tell(Topic.READY)
    here.channel.tell(Topic.FAILED, "über".encode())
    there.channel.tell(Topic.STOP)
    assert await there.next() == (Topic.READY, b"", None)
    assert await there.next() == (Topic.FAILED, "über".encode(), None)
    assert await here.next() == (Topic.STOP, b"", None)


async def test_a_connection_is_brought_along_and_nowhere_else(ends: Ends) -> None:
    here, there = ends
    client, accepted = socket.socketpair()
    inode = os.fstat(accepted.fileno()).st_ino
    here.channel.tell(Topic.CONNECTION, b"\0\1", accepted)
    topic, body, brought = await there.next()
    assert (topic, body) == (Topic.CONNECTION, b"\0\1")
    assert brought is not None
    assert accepted.fileno() == -1  # closed here
    assert os.fstat(brought.fileno()).st_ino == inode
    assert not brought.getblocking()
    assert not brought.get_inheritable()
    with closing(client):
        brought.close()
        assert client.recv(1) == b""


async def test_more_than_the_other_end_has_room_for(ends: Ends) -> None:
    """Nothing is lost, the connections that wait among it neither, and nobody waits for it."""
    here, there = ends
    for number in range(2_000):
        near, far = socket.socketpair() if number % 4 == 0 else (None, None)
        here.channel.tell(Topic.CONNECTION, b"%d" % number * 50, far)
        if near is not None:
            near.close()
    for number in range(2_000):
        _, body, brought = await there.next()
        assert body == b"%d" % number * 50
        assert (brought is not None) == (number % 4 == 0)
        if brought is not None:
            brought.close()


@pytest.mark.parametrize("size", [0, 1, 32_767, 32_768, 32_769, 1_000_000])
async def test_an_answer_of_any_length(ends: Ends, size: int) -> None:
    here, there = ends
    there.hearer.answer = bytes(size)
    assert await here.channel.ask(Topic.METRICS, b"!", _PATIENCE) == bytes(size) + b"!"


async def test_everybody_has_their_own_answer(ends: Ends) -> None:
    here, there = ends
    asked = [here.channel.ask(Topic.CANCEL, b"%d" % number, _PATIENCE) for number in range(50)]
    asked += [there.channel.ask(Topic.CANCEL, b"%d" % number, _PATIENCE) for number in range(50)]
    assert await asyncio.gather(*asked) == [b"%d" % number for number in range(50)] * 2


async def test_an_answer_that_is_late_is_none_and_disturbs_nobody(ends: Ends) -> None:
    here, there = ends
    there.hearer.may_answer.clear()
    assert await here.channel.ask(Topic.CANCEL, b"first", 0.05) is None
    there.hearer.may_answer.set()
    assert await here.channel.ask(Topic.CANCEL, b"second", _PATIENCE) == b"second"


async def test_an_end_that_is_left_alone(ends: Ends) -> None:
    """Whoever waits for an answer has none, and nothing that is said is kept."""
    here, there = ends
    there.hearer.may_answer.clear()
    waiting = asyncio.create_task(here.channel.ask(Topic.CANCEL, b"", _PATIENCE))
    await asyncio.sleep(0.05)
    there.channel.close()
    assert await waiting is None
    await asyncio.wait_for(here.hearer.alone.wait(), _PATIENCE)
    client, accepted = socket.socketpair()
    here.channel.tell(Topic.CONNECTION, b"", accepted)
    assert accepted.fileno() == -1
    assert await here.channel.ask(Topic.CANCEL, b"", _PATIENCE) is None
    client.close()


async def test_what_waits_is_closed_with_the_channel(ends: Ends) -> None:
    here, _ = ends
    connections = [socket.socketpair() for _ in range(400)]
    for near, far in connections:
        here.channel.tell(Topic.CONNECTION, b"x" * 1_000, far)
        near.settimeout(_PATIENCE)
    here.channel.close()
    assert connections[-1][0].recv(1) == b""
    for near, _ in connections:
        near.close()

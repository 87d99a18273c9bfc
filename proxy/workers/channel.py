"""What the parent and one worker say to each other: packets over a pair of Unix sockets, of which
one may bring a client's connection along. An end that is closed is a process that is no more.

A packet is its form, its topic, the number of the question that it asks or answers, and a body.
"""

import asyncio
import socket
import struct
from collections import deque
from collections.abc import Awaitable
from enum import IntEnum, unique
from itertools import count
from typing import Protocol

_HEADER = struct.Struct("!BBI")
_PIECE = 32_768  # bytes of an answer in one packet
_LONGEST = 65_536
_DESCRIPTOR = struct.Struct("i")
_RIGHTS = socket.CMSG_LEN(_DESCRIPTOR.size)
_AT_ONCE = 64  # packets read before others have their turn


@unique
class Topic(IntEnum):
    """What a packet is about: `CONNECTION` is a door's number, `FAILED` a sentence, `CANCEL` a
    door's number and a key, and `METRICS` is answered in Prometheus's text."""

    READY = 1
    FAILED = 2
    CONNECTION = 3
    CANCEL = 4
    METRICS = 5
    STOP = 6


@unique
class _Form(IntEnum):
    STATEMENT = 1
    QUESTION = 2
    PART = 3  # of an answer, and more follows
    ANSWER = 4


class Hearer(Protocol):
    """Whose end of a channel it is."""

    def told(self, topic: Topic, body: bytes, brought: socket.socket | None) -> None:
        """`brought` is None also where this process has no file descriptor left for it."""

    def asked(self, topic: Topic, body: bytes) -> Awaitable[bytes]:
        """The answer."""

    def left_alone(self) -> None:
        """The other end is closed."""


def pair() -> tuple[socket.socket, socket.socket]:
    """The two ends that two channels are made of."""
    return socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)


class Channel:
    """One end, in a running loop."""

    def __init__(self, end: socket.socket, hearer: Hearer) -> None:
        end.setblocking(False)
        self._socket = end
        self._hearer = hearer
        self._loop = asyncio.get_running_loop()
        self._waiting: deque[tuple[bytes, socket.socket | None]] = deque()
        self._numbers = count(1)
        self._questions: dict[int, asyncio.Future[bytes]] = {}
        self._parts: dict[int, bytes] = {}
        self._answering: set[asyncio.Task[None]] = set()
        self._open = True
        self._loop.add_reader(end, self._readable)

    def tell(self, topic: Topic, body: bytes = b"", bring: socket.socket | None = None) -> None:
        """Say it when the other end has room; `bring` is closed here when it is there."""
        self._send(_Form.STATEMENT, topic, 0, body, bring)

    async def ask(self, topic: Topic, body: bytes, seconds: float) -> bytes | None:
        """The answer. None: there is none in time, or nobody is left to give one."""
        if not self._open:
            return None
        number = next(self._numbers)
        answer: asyncio.Future[bytes] = self._loop.create_future()
        self._questions[number] = answer
        try:
            self._send(_Form.QUESTION, topic, number, body)
            async with asyncio.timeout(seconds):
                return await answer
        except TimeoutError:
            return None
        finally:
            del self._questions[number]
            self._parts.pop(number, None)

    def close(self) -> None:
        if not self._open:
            return
        self._open = False
        self._loop.remove_reader(self._socket)
        self._loop.remove_writer(self._socket)
        self._socket.close()
        for _, connection in self._waiting:
            if connection is not None:
                connection.close()
        self._waiting.clear()
        for question in self._questions.values():
            if not question.done():
                question.set_exception(TimeoutError())
        for task in self._answering:
            task.cancel()

    # -- saying ---------------------------------------------------------------------------------

    def _send(
        self,
        form: _Form,
        topic: Topic,
        number: int,
        body: bytes,
        bring: socket.socket | None = None,
    ) -> None:
        if not self._open:
            if bring is not None:
                bring.close()
            return
        self._waiting.append((_HEADER.pack(form, topic, number) + body, bring))
        if len(self._waiting) == 1:
            self._writable()

    def _writable(self) -> None:
        """Say what waits, in its order, as far as the other end has room."""
        while self._waiting:
            packet, bring = self._waiting[0]
            try:
                if bring is None:
                    self._socket.send(packet)
                else:
                    socket.send_fds(self._socket, [packet], [bring.fileno()])
            except BlockingIOError:
                self._loop.add_writer(self._socket, self._writable)
                return
            except OSError:
                pass  # nobody is there, as what is to be read will say
            self._waiting.popleft()
            if bring is not None:
                bring.close()
        self._loop.remove_writer(self._socket)

    async def _answer(self, topic: Topic, number: int, body: bytes) -> None:
        answer = await self._hearer.asked(topic, body)
        while len(answer) > _PIECE:
            self._send(_Form.PART, topic, number, answer[:_PIECE])
            answer = answer[_PIECE:]
        self._send(_Form.ANSWER, topic, number, answer)

    # -- hearing --------------------------------------------------------------------------------

    def _readable(self) -> None:
        for _ in range(_AT_ONCE):
            if not self._open:
                return
            try:
                packet, brought = _receive(self._socket)
            except BlockingIOError:
                return
            except OSError:
                packet, brought = b"", None
            if not packet:
                self.close()
                self._hearer.left_alone()
                return
            self._heard(packet, brought)

    def _heard(self, packet: bytes, brought: socket.socket | None) -> None:
        form, topic, number = _HEADER.unpack_from(packet)
        body = packet[_HEADER.size :]
        match form:
            case _Form.STATEMENT:
                self._hearer.told(Topic(topic), body, brought)
            case _Form.QUESTION:
                task = asyncio.create_task(self._answer(Topic(topic), number, body))
                self._answering.add(task)
                task.add_done_callback(self._answering.discard)
            case _Form.PART if number in self._questions:
                self._parts[number] = self._parts.get(number, b"") + body
            case _Form.ANSWER if number in self._questions:
                if not self._questions[number].done():
                    self._questions[number].set_result(self._parts.pop(number, b"") + body)


def _receive(end: socket.socket) -> tuple[bytes, socket.socket | None]:
    """A packet, and the connection that it brought. Python's own `recv_fds` lets programs that are
    started later inherit it."""
    packet, brought, _, _ = end.recvmsg(_LONGEST, _RIGHTS, socket.MSG_CMSG_CLOEXEC)
    if not brought:
        return packet, None
    connection = socket.socket(fileno=_DESCRIPTOR.unpack(brought[0][2])[0])
    connection.setblocking(False)
    return packet, connection

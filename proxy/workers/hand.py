"""One worker as its parent sees it: a process at the other end of a channel.

It is a fresh interpreter: the parent has an event loop and threads, which would not outlive a fork.
Its environment is the parent's own, and what it is to do is in no argument of it.
"""

import asyncio
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Awaitable, Callable

from proxy.workers.briefing import Briefing
from proxy.workers.channel import Channel, Topic, pair
from proxy.workers.page import Page

Ask = Callable[["Hand", Topic, bytes], Awaitable[bytes]]
_MODULE = "proxy.cli.worker"
_SIGNALS = (signal.SIGTERM, signal.SIGINT)
_LAST_SECONDS = 5.0  # for a process to end that has closed its channel


class Hand:
    """Starts it. `ask` answers its questions. Raises OSError where there can be no process."""

    def __init__(self, briefing: Briefing, page: Page, ask: Ask) -> None:
        self.number = briefing.worker
        self._page = page
        self._ask = ask
        self._given = 0
        self._gone = asyncio.Event()
        self.begun: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        """Why it could not begin; empty where it has."""
        end, others = pair()
        with others:
            self._process = _start(briefing, page, others)
        self.channel = Channel(end, self)

    def __str__(self) -> str:
        return f"worker {self.number + 1} (process {self._process.pid})"

    @property
    def at_work(self) -> bool:
        return self.begun.done() and not self.begun.result() and not self._gone.is_set()

    @property
    def load(self) -> int:
        """How many of the connections that it was given are not over."""
        return self._given - self._page.over(self.number)

    def give(self, connection: socket.socket, door: bytes) -> None:
        self._given += 1
        self.channel.tell(Topic.CONNECTION, door, connection)

    async def over(self) -> str:
        """Wait for its end. Returns how that was, and nothing where it was as it should be."""
        await self._gone.wait()
        try:
            code = await asyncio.to_thread(self._process.wait, _LAST_SECONDS)
        except subprocess.TimeoutExpired:
            return await self.kill()
        if code < 0:
            return f"was ended by {signal.Signals(-code).name}"
        return f"ended with exit code {code}" if code else ""

    async def kill(self) -> str:
        """Returns what became of it, as `over` does."""
        self._process.kill()
        await asyncio.to_thread(self._process.wait)
        return "did not end in time, and was killed"

    # -- what it says ---------------------------------------------------------------------------

    def told(self, topic: Topic, body: bytes, brought: socket.socket | None) -> None:
        if not self.begun.done():
            self.begun.set_result(body.decode() if topic is Topic.FAILED else "")

    async def asked(self, topic: Topic, body: bytes) -> bytes:
        return await self._ask(self, topic, body)

    def left_alone(self) -> None:
        self._gone.set()
        if not self.begun.done():
            self.begun.set_result(f"{self} ended before it had begun")


def _start(briefing: Briefing, page: Page, end: socket.socket) -> subprocess.Popen[bytes]:
    """A signal that comes before it can wait for one waits for it."""
    told = briefing.write()
    descriptors = (end.fileno(), page.descriptor, told)
    # -P: a module in the folder that we were started in is none of ours.
    command = [sys.executable, "-P", "-m", _MODULE, *map(str, descriptors)]
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
    try:
        return subprocess.Popen(command, pass_fds=descriptors)  # noqa: S603
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        os.close(told)

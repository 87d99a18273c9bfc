"""What is sent to us while a command runs in our place goes on to the command.

The command is in our process group. What the keyboard sends, such as Ctrl-C, the kernel sends to
all of the terminal's foreground group, so the command has got it already.
"""

import asyncio
import os
import signal
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType
from typing import Self

from proxy.commands import keyboard

_KEYBOARD = (signal.SIGINT, signal.SIGQUIT, signal.SIGTSTP)
_HANDED_ON = (*_KEYBOARD, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2)


class Signals:
    """A context manager in a task, which a signal cancels that comes before the command runs."""

    def __init__(self) -> None:
        self.received: int | None = None
        self._loop = asyncio.get_running_loop()
        self._task = asyncio.current_task()
        self._handle: Callable[[int], None] = self._cancel
        self._caught = [s for s in _HANDED_ON if signal.getsignal(s) is not signal.SIG_IGN]

    def __enter__(self) -> Self:
        for number in self._caught:
            self._loop.add_signal_handler(number, self._receive, number)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        for number in self._caught:
            self._loop.remove_signal_handler(number)

    def hand_on_to(self, process: int, *, apart: bool) -> None:
        """From now on; `apart`: the keyboard's signals do not reach it by themselves."""

        def hand_on(number: int) -> None:
            if apart or number not in _KEYBOARD or not keyboard.is_ours():
                with suppress(ProcessLookupError):
                    os.kill(process, number)

        self._handle = hand_on

    def ignore(self) -> None:
        """The command is over, and what is left to do is done in any case."""
        self._handle = lambda number: None

    def _receive(self, number: int) -> None:
        self._handle(number)

    def _cancel(self, number: int) -> None:
        assert self._task is not None
        self.received = self.received or number
        self._task.cancel()

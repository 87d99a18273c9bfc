"""A command's standard streams: ours as they are, or ones that a mask stands in front of.

A masked command that would write to a terminal gets one of its own. Where it would also read from
it, that is its controlling terminal, and ours passes on the keys.
"""

import asyncio
import os
import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

from proxy.commands import keyboard
from proxy.commands.mask import Mask
from proxy.commands.pump import Pump, hand_on, show
from proxy.commands.terminal import Terminal

_STDIN, _OUTPUTS = 0, (1, 2)
Action = tuple[Any, ...]


class Streams:
    """Ours: nothing stands between."""

    apart = False
    """Whether the command has a session and a controlling terminal of its own."""

    actions: Sequence[Action] = ()
    """For posix_spawn."""

    def began(self) -> None:
        """The command runs."""

    @contextmanager
    def suspended(self) -> Iterator[None]:
        """Inside, the command is stopped, and the terminal the shell's."""
        yield

    async def ended(self) -> None:
        """The command is over, or never began. What it said is out now."""


class MaskedStreams(Streams):
    """These values are in no output."""

    def __init__(self, values: Sequence[str]) -> None:
        self._values = values
        self._over = os.pipe()
        self._theirs: list[int] = []
        self._pumps: list[Pump] = []
        self._terminal: Terminal | None = None
        self.actions: list[Action] = []
        terminals = [stream for stream in _OUTPUTS if os.isatty(stream)]
        for stream in _OUTPUTS:
            if stream not in terminals:
                self._add_pipe(stream)
        if terminals:
            self.apart = os.isatty(_STDIN) and keyboard.is_ours()
            self._add_terminal(terminals)

    def _add_pipe(self, stream: int) -> None:
        ours, theirs = os.pipe()
        self._theirs.append(theirs)
        self.actions.append((os.POSIX_SPAWN_DUP2, theirs, stream))
        self._show(ours, stream)

    def _add_terminal(self, streams: Sequence[int]) -> None:
        self._terminal = terminal = Terminal(streams[0], apart=self.apart)
        self._theirs.append(terminal.inside)
        theirs = terminal.inside
        if self.apart:  # to open it is what makes it the controlling one
            theirs = _STDIN
            self.actions.append((os.POSIX_SPAWN_OPEN, _STDIN, terminal.name, os.O_RDWR, 0))
            self._pumps.append(Pump(partial(hand_on, _STDIN, self._over[0], terminal.outside)))
        self.actions += [(os.POSIX_SPAWN_DUP2, theirs, stream) for stream in streams]
        self._show(os.dup(terminal.outside), streams[0])

    def _show(self, source: int, stream: int) -> None:
        self._pumps.append(Pump(partial(show, source, self._over[0], stream, Mask(self._values))))

    def began(self) -> None:
        self._close_theirs()
        if self._terminal is not None:
            self._terminal.take_over()
            loop = asyncio.get_running_loop()
            loop.add_signal_handler(signal.SIGWINCH, self._terminal.resize)
        for pump in self._pumps:
            pump.start()

    @contextmanager
    def suspended(self) -> Iterator[None]:
        if self._terminal is not None:
            self._terminal.give_back()
        yield
        if self._terminal is not None:
            self._terminal.take_over()

    async def ended(self) -> None:
        self._close_theirs()
        os.close(self._over[1])
        if self._terminal is not None:
            asyncio.get_running_loop().remove_signal_handler(signal.SIGWINCH)
        await asyncio.gather(*(asyncio.to_thread(pump.end) for pump in self._pumps))
        if self._terminal is not None:
            self._terminal.give_back()
            self._terminal.close()
        os.close(self._over[0])

    def _close_theirs(self) -> None:
        """Only the command has them then, and their end is its end."""
        while self._theirs:
            os.close(self._theirs.pop())

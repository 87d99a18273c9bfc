"""A command's process: found, started in our place in front of the terminal, waited for.

Job control is the shell's, and we take part in it: what stops the command stops us as well.
"""

import asyncio
import errno
import os
import shutil
import signal
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

from proxy.commands import keyboard
from proxy.commands.signals import Signals
from proxy.commands.streams import Streams

_IGNORED_BY_PYTHON = (signal.SIGPIPE, signal.SIGXFSZ)


class CannotRun(Exception):
    """`code` is what a shell would exit with: 127 where there is no such command, else 126."""

    def __init__(self, sentence: str, code: int) -> None:
        super().__init__(sentence)
        self.code = code


@dataclass(frozen=True, slots=True)
class Ended:
    """How a command ended: with a status, or by a signal."""

    status: int | None
    signal: int = 0

    @property
    def code(self) -> int:
        """As a shell tells it."""
        return 128 + self.signal if self.status is None else self.status


def find(command: str, path: str | None) -> str:
    """The program's file, as a shell would find it. Raises CannotRun."""
    if found := shutil.which(command, path=path):
        return found
    if "/" not in command and not shutil.which(command, os.F_OK, path):
        raise CannotRun(f"{command}: there is no such command on the PATH", 127)
    if "/" in command and not os.path.exists(command):
        raise CannotRun(f"{command}: there is no such file", 127)
    raise CannotRun(f"{command}: it is no file that may be executed", 126)


async def run(
    program: str,
    arguments: Sequence[str],
    environment: Mapping[bytes, bytes],
    streams: Streams,
    signals: Signals,
) -> Ended:
    """From start to end. Raises CannotRun."""
    try:
        process = _start(program, arguments, environment, streams)
        signals.hand_on_to(process, apart=streams.apart)
        streams.began()
        return await _wait(process, streams)
    finally:
        signals.ignore()
        await streams.ended()


def _start(
    program: str, arguments: Sequence[str], environment: Mapping[bytes, bytes], streams: Streams
) -> int:
    try:
        return os.posix_spawn(
            program,
            list(arguments),
            environment,
            file_actions=streams.actions,
            setsid=streams.apart,
            setsigdef=_IGNORED_BY_PYTHON,
        )
    except OSError as error:
        code = 127 if error.errno == errno.ENOENT else 126
        advice = "; list long values in `files`" if error.errno == errno.E2BIG else ""
        raise CannotRun(f"{program}: {error.strerror}{advice}", code) from None


async def _wait(process: int, streams: Streams) -> Ended:
    while True:
        _, status = await asyncio.to_thread(os.waitpid, process, os.WUNTRACED)
        if os.WIFEXITED(status):
            return Ended(os.WEXITSTATUS(status))
        if os.WIFSIGNALED(status):
            return Ended(None, os.WTERMSIG(status))
        with suppress(ProcessLookupError):
            _stop_with(process, streams)


def _stop_with(process: int, streams: Streams) -> None:
    """Stop as well, if there is a shell that waits for that, and go on together."""
    group = os.getpgid(process)  # its own, where it is a shell itself
    front = keyboard.owner()
    if front not in (os.getpgrp(), group):
        return
    with streams.suspended():
        os.kill(os.getpid(), signal.SIGSTOP)
    if front == group:
        keyboard.hand_to(group)
    os.kill(process, signal.SIGCONT)

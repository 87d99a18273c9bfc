"""A terminal with a user in front of it: a program that runs in it, keys, and what is shown."""

import os
import pty
import select
import subprocess
import termios
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Self

from tests.end_to_end.programs import find
from tests.waiting import PATIENCE

ROWS, COLUMNS = 30, 100
CTRL_C, CTRL_D, CTRL_Z = "\x03", "\x04", "\x1a"


class Terminal:
    """A context manager. The program leads a session of its own, as a login shell does; all that is
    shown is also in the file `record`."""

    def __init__(self, program: Sequence[str], environ: Mapping[str, str], record: Path) -> None:
        self._outside, inside = pty.openpty()
        termios.tcsetwinsize(self._outside, (ROWS, COLUMNS))
        self._process = subprocess.Popen(
            [find("setsid"), "--ctty", *program],
            stdin=inside,
            stdout=inside,
            stderr=inside,
            env=environ,
        )
        os.close(inside)
        self._record = record.open("wb")
        self._shown = b""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._outside)  # the session is hung up
        try:
            self._process.wait(PATIENCE)
        finally:
            self._process.kill()
            self._process.wait()
            self._record.close()

    def type(self, keys: str) -> None:
        os.write(self._outside, keys.encode())

    def see(self, text: str) -> str:
        """Wait until this is shown. Returns what was shown before it, since the last time."""
        until = time.monotonic() + 2 * PATIENCE
        while text.encode() not in self._shown:
            left = until - time.monotonic()
            if left <= 0 or not select.select([self._outside], [], [], left)[0]:
                raise AssertionError(f"{text!r} is not shown, but {self._shown[-500:]!r}")
            chunk = os.read(self._outside, 65_536)
            self._record.write(chunk)
            self._shown += chunk
        before, _, self._shown = self._shown.partition(text.encode())
        return before.decode(errors="replace")

    def resize(self, rows: int, columns: int) -> None:
        termios.tcsetwinsize(self._outside, (rows, columns))

    def modes(self) -> list[object]:
        """All that stty could tell."""
        return list(termios.tcgetattr(self._outside))

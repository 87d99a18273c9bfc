"""Who has the keyboard of our terminal: its foreground process group, of which there is one."""

import os
from collections.abc import Iterator
from contextlib import contextmanager


def owner() -> int | None:
    """The group, or None where there is no terminal."""
    try:
        with _terminal() as terminal:
            return os.tcgetpgrp(terminal)
    except OSError:
        return None


def is_ours() -> bool:
    return owner() == os.getpgrp()


def hand_to(group: int) -> None:
    """Only who has it can do that: for all others the kernel means it as a reason to stop."""
    if is_ours():
        with _terminal() as terminal:
            os.tcsetpgrp(terminal, group)


@contextmanager
def _terminal() -> Iterator[int]:
    terminal = os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY | os.O_CLOEXEC)
    try:
        yield terminal
    finally:
        os.close(terminal)

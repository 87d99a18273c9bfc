"""A terminal of a command's own in front of the user's, as script(1) has it."""

import os
import termios
import tty


class Terminal:
    """`ours` is the user's. If the command is `apart`, in a session of its own, it has the modes of
    ours, and ours hands every key on; else it is one to write to, and nothing else."""

    def __init__(self, ours: int, *, apart: bool) -> None:
        self._ours = ours
        self._apart = apart
        self._modes = termios.tcgetattr(ours)
        self.outside, self.inside = os.openpty()
        self.name = os.ttyname(self.inside)
        if apart:
            termios.tcsetattr(self.inside, termios.TCSANOW, self._modes)
        else:
            tty.setraw(self.inside)  # what lines end with is for ours to say
        self.resize()

    def take_over(self) -> None:
        if self._apart:
            tty.setraw(self._ours, termios.TCSADRAIN)
            self.resize()

    def give_back(self) -> None:
        if self._apart:
            termios.tcsetattr(self._ours, termios.TCSADRAIN, self._modes)

    def close(self) -> None:
        os.close(self.outside)

    def resize(self) -> None:
        """Make it as large as ours."""
        termios.tcsetwinsize(self.outside, termios.tcgetwinsize(self._ours))

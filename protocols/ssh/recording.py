"""What was shown, as asciicast: a line for the terminal, and one for each thing that happened.

Source: asciicast v2, https://docs.asciinema.org/manual/asciicast/v2/. Text is UTF-8 there, so what
the server writes is decoded as it comes, a character cut in two as well.
"""

from codecs import getincrementaldecoder

import orjson

from protocols.api import Clock
from protocols.carried import Recording
from protocols.ssh.requests import Terminal

_CUT = "the rest is not recorded"
_Utf8 = getincrementaldecoder("utf-8")


class Cast:
    """Records one terminal, and the command that runs in it if that is no shell. A marker stands
    where the recording has become longer than `most` bytes, and nothing behind it."""

    def __init__(
        self,
        recording: Recording,
        clock: Clock,
        terminal: Terminal,
        command: str | None,
        most: int | None = None,
    ) -> None:
        self._recording = recording
        self._clock = clock
        self._begun = clock()
        self._output = _Utf8("replace")
        self._stderr = _Utf8("replace")
        self._input = _Utf8("replace")
        self._left = most
        recording.write(_header(terminal, command))

    def output(self, data: memoryview, *, stderr: bool = False) -> None:
        self._text("o", (self._stderr if stderr else self._output).decode(data))

    def input(self, data: memoryview) -> None:
        self._text("i", self._input.decode(data))

    def resized(self, columns: int, rows: int) -> None:
        self._text("r", f"{columns}x{rows}")

    def close(self) -> None:
        """A character that was never whole is told as it is: broken."""
        for kind, decoder in (("o", self._output), ("o", self._stderr), ("i", self._input)):
            self._text(kind, decoder.decode(b"", final=True))
        self._recording.close()

    def _text(self, kind: str, text: str) -> None:
        if text and self._left != 0:
            line = self._line(kind, text)
            if self._left is not None:
                self._left = max(0, self._left - len(line))
            self._recording.write(line if self._left != 0 else self._line("m", _CUT))

    def _line(self, kind: str, text: str) -> bytes:
        moment = round(self._clock() - self._begun, 6)
        return orjson.dumps([moment, kind, text]) + b"\n"


def _header(terminal: Terminal, command: str | None) -> bytes:
    header: dict[str, object] = {"version": 2, "width": terminal.columns, "height": terminal.rows}
    if command is not None:
        header["command"] = command
    if terminal.kind:
        header["env"] = {"TERM": terminal.kind}
    return orjson.dumps(header) + b"\n"

"""What a terminal showed, as asciicast: a line for the terminal, and one for all that happened.

Source: asciicast v2, https://docs.asciinema.org/manual/asciicast/v2/. Text is UTF-8 there, so what
the server writes is decoded as it comes, a character cut in two as well.
"""

from codecs import getincrementaldecoder

import orjson

from protocols.api import Clock
from protocols.carried import Recording
from protocols.ssh.requests import Terminal

_Utf8 = getincrementaldecoder("utf-8")


class Cast:
    """Records one terminal, and the command that runs in it if that is no shell."""

    def __init__(
        self, recording: Recording, clock: Clock, terminal: Terminal, command: str | None
    ) -> None:
        self._recording = recording
        self._clock = clock
        self._begun = clock()
        self._output = _Utf8("replace")
        self._stderr = _Utf8("replace")
        self._input = _Utf8("replace")
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
        if text:
            moment = round(self._clock() - self._begun, 6)
            self._recording.write(orjson.dumps([moment, kind, text]) + b"\n")


def _header(terminal: Terminal, command: str | None) -> bytes:
    header: dict[str, object] = {"version": 2, "width": terminal.columns, "height": terminal.rows}
    if command is not None:
        header["command"] = command
    if terminal.kind:
        header["env"] = {"TERM": terminal.kind}
    return orjson.dumps(header) + b"\n"

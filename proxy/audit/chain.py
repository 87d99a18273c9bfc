"""The hash chain: every line names the line before it, so that none can change unnoticed."""

import json
from collections.abc import Iterable
from dataclasses import dataclass

from proxy.audit.digest import hexadecimal

BEGINNING = "0" * 64


def digest(line: bytes) -> str:
    """What the next line calls this one; `line` is without its newline."""
    return hexadecimal(line)


def link(events: Iterable[bytes], previous: str) -> tuple[bytes, str]:
    """Make lines of events that lack only their end. Returns them, and the last one's digest."""
    lines = []
    for event in events:
        line = b"".join((event, b',"prev":"', previous.encode(), b'"}'))
        previous = digest(line)
        lines.append(line)
    lines.append(b"")
    return b"\n".join(lines), previous


@dataclass(frozen=True, slots=True)
class Break:
    """The first line, counted from 1, that does not follow from those before it."""

    line: int
    why: str


def verify(lines: Iterable[bytes]) -> Break | None:
    """Walk a chain from its beginning. None: every line is as it was written."""
    expected = BEGINNING
    for number, line in enumerate(lines, start=1):
        text = line.rstrip(b"\n")
        try:
            previous = json.loads(text)["prev"]
        except (ValueError, KeyError, TypeError):
            return Break(number, "it is not an audit line")
        if previous != expected:
            return Break(number, "the line before it was changed, removed or moved")
        expected = digest(text)
    return None

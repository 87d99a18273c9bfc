"""The hash chain: every line names the line before it, so that none can change or go unnoticed."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

BEGINNING = "0" * 64
_TAIL = 1 << 20  # an audit line is far shorter


def digest(line: bytes) -> str:
    """What the next line calls this one; `line` is without its newline."""
    return sha256(line).hexdigest()


def last_digest(path: Path) -> str:
    """Where a chain goes on that an earlier run began."""
    try:
        with path.open("rb") as file:
            file.seek(max(0, file.seek(0, 2) - _TAIL))
            lines = file.read().split(b"\n")
    except FileNotFoundError:
        return BEGINNING
    whole = [line for line in lines if line]
    return digest(whole[-1]) if whole else BEGINNING


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

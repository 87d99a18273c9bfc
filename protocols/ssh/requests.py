"""What requests of a session's channel say, by the specification's names for them.

Each reads a request's own fields, behind the name and whether it wants an answer. Source: RFC 4254,
section 6.
"""

from dataclasses import dataclass

from protocols.ssh.encoding import Reader, told

_LONGEST_COMMAND = 1 << 18  # bytes, which is what OpenSSH takes at most as a packet
_LONGEST_TERM = 256
_USUAL_SIZE = (80, 24)
_LARGEST_SIZE = 1 << 16


@dataclass(frozen=True, slots=True)
class Terminal:
    """What pty-req says of a client's terminal, but for its modes."""

    kind: str
    columns: int
    rows: int


USUAL_TERMINAL = Terminal("", *_USUAL_SIZE)
"""Where a client has named none."""


def pty_req(details: bytes) -> Terminal:
    reader = Reader(details)
    kind = told(reader.string(_LONGEST_TERM))
    columns, rows = _size(reader)
    reader.string()  # modes
    reader.end()
    return Terminal(kind, columns, rows)


def window_change(details: bytes) -> tuple[int, int]:
    """Columns and rows."""
    reader = Reader(details)
    size = _size(reader)
    reader.end()
    return size


def exec_or_subsystem(details: bytes) -> bytes:
    """The command, or the subsystem's name."""
    reader = Reader(details)
    words = reader.string(_LONGEST_COMMAND)
    reader.end()
    return words


def env(details: bytes) -> bytes:
    """The variable's name; its value is nobody's business."""
    reader = Reader(details)
    name = reader.string()
    reader.string()
    reader.end()
    return name


def exit_status(details: bytes) -> int:
    reader = Reader(details)
    status = reader.uint32()
    reader.end()
    return status


def exit_signal(details: bytes) -> str:
    """The signal's name without SIG; what a server says about it beside is not read."""
    return told(Reader(details).string(), 64)


def _size(reader: Reader) -> tuple[int, int]:
    """In characters; a terminal that says 0 leaves it open, and pixels are not asked for."""
    columns, rows = reader.uint32(), reader.uint32()
    reader.take(8)
    size = columns or _USUAL_SIZE[0], rows or _USUAL_SIZE[1]
    return min(size[0], _LARGEST_SIZE), min(size[1], _LARGEST_SIZE)

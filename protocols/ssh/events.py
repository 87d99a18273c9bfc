"""What the audit is told of an SSH session. What is not UTF-8 in it is told escaped.

A command's text is told as it came, cut at 64 KiB. Nobody can know which of its words is a
password, so none is hidden: passwords do not belong into commands, which every user of the server
can read in its list of processes.
"""

from dataclasses import dataclass
from typing import ClassVar


@dataclass(slots=True)
class SshExec:
    """A command that a client ran, or tried to. `accepted`: upstream took it. `bytes_in` are those
    that the client sent. `recording` is where the terminal that it ran in was recorded."""

    name: ClassVar[str] = "ssh.exec"
    command: str
    command_bytes: int
    terminal: bool
    recording: str | None = None
    accepted: bool = True
    exit_status: int | None = None
    signal: str | None = None  # that ended it
    bytes_in: int = 0
    bytes_out: int = 0
    bytes_err: int = 0
    duration_ms: float = 0
    finished: bool = False


@dataclass(slots=True)
class SshShell:
    """A shell that a client had, or wanted."""

    name: ClassVar[str] = "ssh.shell"
    terminal: bool
    recording: str | None = None
    accepted: bool = True
    exit_status: int | None = None
    signal: str | None = None
    bytes_in: int = 0
    bytes_out: int = 0
    bytes_err: int = 0
    duration_ms: float = 0
    finished: bool = False


@dataclass(slots=True)
class SshSubsystem:
    """A subsystem that a client had, or wanted. What SFTP did is told by `ssh.sftp`."""

    name: ClassVar[str] = "ssh.subsystem"
    subsystem: str
    accepted: bool = True
    exit_status: int | None = None
    signal: str | None = None
    bytes_in: int = 0
    bytes_out: int = 0
    bytes_err: int = 0
    duration_ms: float = 0
    finished: bool = False


@dataclass(slots=True)
class SshSftp:
    """One thing that a client did to files, or tried to, and upstream answered. A file that was
    opened is told when it is closed, by the operation read or write.

    `sha256` is that of what was read or written, where it was one run from the file's first byte.
    `status` is upstream's word: "ok", or the first of another kind.
    """

    name: ClassVar[str] = "ssh.sftp"
    operation: str
    path: str
    target: str | None  # of a rename, a link or a copy
    attributes: str | None  # that were set
    bytes_read: int
    bytes_written: int
    sha256: str | None
    status: str | None
    duration_ms: float
    finished: bool


@dataclass(slots=True)
class SshForward:
    """One connection that was forwarded. `direction` is local, remote, agent or x11; `origin` is
    who connected, as far as the side says that knows it. `bytes_in` are those to upstream."""

    name: ClassVar[str] = "ssh.forward"
    direction: str
    target: str
    origin: str
    accepted: bool
    failure: str | None
    bytes_in: int
    bytes_out: int
    duration_ms: float
    finished: bool


@dataclass(slots=True)
class SshListener:
    """What upstream answered a client that wants it to listen, `operation` listen, or to stop it,
    cancel. `bound` is where it listens, or listened, with the port that it chose; None: nowhere.
    Where the client wants no answer, it is taken for accepted."""

    name: ClassVar[str] = "ssh.listener"
    operation: str
    target: str
    bound: str | None
    accepted: bool


@dataclass(slots=True)
class SshDenied:
    """What the role does not allow and a side asked for; `sentence` is what it was told."""

    name: ClassVar[str] = "ssh.denied"
    request: str
    detail: str
    sentence: str

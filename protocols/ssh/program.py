"""What runs in a session's channel: a shell, a command or a subsystem."""

from collections.abc import Sequence

from protocols.ssh.content import Changed, Piece
from protocols.ssh.context import Context
from protocols.ssh.encoding import told
from protocols.ssh.events import SshExec, SshShell, SshSubsystem
from protocols.ssh.recording import Cast
from protocols.ssh.requests import USUAL_TERMINAL, Terminal
from protocols.ssh.sftp import Sftp

_MOST_OF_COMMANDS = 1 << 20  # bytes of a recording
_CARRIERS = frozenset(
    {b"rsync", b"scp", b"sftp-server"}
    | {b"git-upload-pack", b"git-receive-pack", b"git-upload-archive"}
)


class Program:
    """One program, from being asked for to its end. Its event fills up as it runs."""

    def __init__(self, context: Context, event: SshExec | SshShell | SshSubsystem) -> None:
        self.event = event
        self.client_has_ended = False
        self._context = context
        self._begun = context.clock()
        self._cast: Cast | None = None
        self._records_input = False
        self._sftp: Sftp | None = None

    def client_data(self, data: memoryview) -> Changed | None:
        self.event.bytes_in += len(data)
        if self._cast is not None and self._records_input:
            self._cast.input(data)
        return self._sftp.client_sent(data) if self._sftp is not None else None

    def upstream_data(self, data: memoryview, *, stderr: bool) -> Sequence[Piece] | None:
        if stderr:
            self.event.bytes_err += len(data)
        else:
            self.event.bytes_out += len(data)
        if self._cast is not None:
            self._cast.output(data, stderr=stderr)
        if self._sftp is not None and not stderr:
            return self._sftp.upstream_sent(data)
        return None

    @property
    def at_work(self) -> bool:
        """A command is, until it ends; what the client speaks with, only while that is certain."""
        if self._sftp is not None:
            return self._sftp.at_work
        is_command = isinstance(self.event, SshExec) and not self.event.terminal
        return is_command or self.client_has_ended

    def resized(self, columns: int, rows: int) -> None:
        if self._cast is not None:
            self._cast.resized(columns, rows)

    def close(self, *, finished: bool) -> None:
        """Report it, and what was left undone in it."""
        if self._sftp is not None:
            self._sftp.close()
        if self._cast is not None:
            self._cast.close()
        self.event.duration_ms = self._context.since(self._begun)
        self.event.finished = finished
        self._context.emit(self.event)

    def record_terminal(self, terminal: Terminal) -> None:
        """Nothing of a terminal happens before its recording has begun."""
        if self._context.options.record_shell != "off":
            self._records_input = self._context.options.record_shell == "input"
            self._record(terminal)

    def record_command(self) -> None:
        if self._context.options.record_exec:
            self._record(USUAL_TERMINAL, _MOST_OF_COMMANDS)

    def _record(self, terminal: Terminal, most: int | None = None) -> None:
        assert not isinstance(self.event, SshSubsystem)
        self.event.recording, recording = self._context.next_recording()
        command = self.event.command if isinstance(self.event, SshExec) else None
        self._cast = Cast(recording, self._context.clock, terminal, command, most)

    def speak_sftp(self) -> None:
        self._sftp = Sftp(self._context)


def start(context: Context, kind: bytes, words: bytes, terminal: Terminal | None) -> Program:
    """A program that a request of this name asks for. Shells are recorded, and what else has a
    terminal, in which a command can be a shell as well."""
    if kind == b"subsystem":
        program = Program(context, SshSubsystem(told(words)))
        if words == b"sftp":
            program.speak_sftp()
        return program
    if kind == b"exec":
        program = Program(context, SshExec(told(words), len(words), terminal is not None))
        if terminal is not None:
            program.record_terminal(terminal)
        elif not _carries_files(words):
            program.record_command()
        return program
    program = Program(context, SshShell(terminal is not None))
    program.record_terminal(terminal or USUAL_TERMINAL)
    return program


def _carries_files(command: bytes) -> bool:
    name, *_ = command.split() or [b""]
    return name.rpartition(b"/")[2] in _CARRIERS

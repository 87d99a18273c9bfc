"""A session's channel: what is asked for in it before a program runs, and of the program then."""

from collections.abc import Sequence

from protocols.ssh import requests
from protocols.ssh.content import Changed, Piece
from protocols.ssh.context import Context
from protocols.ssh.encoding import told
from protocols.ssh.messages import ChannelRequest
from protocols.ssh.program import Program, start
from protocols.ssh.replies import ALLOWED, Ruling
from protocols.ssh.requests import Terminal

_PROGRAMS = frozenset({b"shell", b"exec", b"subsystem"})
_HARMLESS = frozenset(
    {b"signal", b"break", b"xon-xoff", b"winadj@putty.projects.tartarus.org"}
    | {b"simple@putty.projects.tartarus.org"}
)
_UNKNOWN = Ruling("this role does not allow requests of this kind")
_ONE_PROGRAM = Ruling("a session runs one program only")
_TOO_LATE = Ruling("a session's data come after its program")


class Session:
    """What one session's channel bears."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._terminal: Terminal | None = None
        self._program: Program | None = None
        self._spoken = False  # the client, to no program

    # -- requests -----------------------------------------------------------------------------

    def client_request(self, request: ChannelRequest) -> Ruling:
        name, details = request.name, request.details
        if name in _PROGRAMS:
            return self._start(name, details)
        match name:
            case b"pty-req":
                self._terminal = requests.pty_req(details)
            case b"window-change":
                self._resize(*requests.window_change(details))
            case b"env":
                variable = requests.env(details)
                return Ruling(self._context.policy.variable(variable), told(variable))
            case b"auth-agent-req@openssh.com" | b"x11-req":
                return self._lend(name)
            case _ if name not in _HARMLESS:
                return _UNKNOWN
        return ALLOWED

    def upstream_request(self, request: ChannelRequest) -> None:
        if self._program is None:
            return
        if request.name == b"exit-status":
            self._program.event.exit_status = requests.exit_status(request.details)
        elif request.name == b"exit-signal":
            self._program.event.signal = requests.exit_signal(request.details)

    def _start(self, kind: bytes, details: bytes) -> Ruling:
        if self._program is not None:
            return _ONE_PROGRAM
        if self._spoken:  # upstream could take it for the program's
            return _TOO_LATE
        words = b"" if kind == b"shell" else requests.exec_or_subsystem(details)
        denied = self._denied(kind, words)
        if denied is not None:
            return Ruling(denied, told(words), ends=True)
        self._program = start(self._context, kind, words, self._terminal)
        return Ruling(answered=self._started)

    def _denied(self, kind: bytes, words: bytes) -> str | None:
        policy = self._context.policy
        if kind == b"shell":
            return policy.shell()
        return policy.command(words) if kind == b"exec" else policy.subsystem(words)

    def _started(self, granted: bool, details: bytes) -> None:
        """A client may ask for another program after one that upstream does not have."""
        if not granted and self._program is not None:
            self._program.event.accepted = False
            self._program.close(finished=True)
            self._program = None

    def _resize(self, columns: int, rows: int) -> None:
        if self._program is not None:
            self._program.resized(columns, rows)

    def _lend(self, name: bytes) -> Ruling:
        """What the client has may be used from upstream, if the role says so: it will open
        channels for that."""
        forwards, policy = self._context.forwards, self._context.policy
        if name == b"x11-req":
            denied = policy.x11()
            forwards.x11 |= denied is None
        else:
            denied = policy.agent()
            forwards.agent |= denied is None
        return Ruling(denied)

    # -- data ---------------------------------------------------------------------------------

    def client_data(self, data: memoryview) -> Changed | None:
        if self._program is None:
            self._spoken = True
            return None
        return self._program.client_data(data)

    def client_ended(self) -> None:
        if self._program is not None:
            self._program.client_has_ended = True

    def upstream_data(self, data: memoryview, *, stderr: bool) -> Sequence[Piece] | None:
        if self._program is None:
            return None
        return self._program.upstream_data(data, stderr=stderr)

    @property
    def at_work(self) -> bool:
        return self._program is not None and self._program.at_work

    def close(self, *, finished: bool) -> None:
        if self._program is not None:
            self._program.close(finished=finished)
            self._program = None

    def failed(self, why: str) -> None:
        """Nothing was asked for in it yet."""

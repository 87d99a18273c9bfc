"""What all channels of one connection share: the role's word, the audit, and what was asked for."""

from protocols.api import Clock, Emit
from protocols.carried import OpenRecording, Recording
from protocols.ssh.encoding import Malformed
from protocols.ssh.events import SshDenied
from protocols.ssh.forwards import Forwards
from protocols.ssh.options import SshOptions
from protocols.ssh.policy import Policy

_MAX_KEPT = 1 << 24  # bytes; what SFTP has to remember of its clients' requests, names mostly


class Context:
    """One connection's. `moved` counts bytes of what its channels bear and of what is asked for in
    them, both ways; signs of life are not among them."""

    def __init__(
        self, emit: Emit, clock: Clock, options: SshOptions, record: OpenRecording
    ) -> None:
        self.emit = emit
        self.clock = clock
        self.options = options
        self.policy = Policy(options)
        self.forwards = Forwards(self.policy, emit)
        self.moved = 0
        self._record = record
        self._recordings = 0
        self._kept = 0

    def deny(self, request: str, detail: str, sentence: str) -> None:
        self.emit(SshDenied(request, detail, sentence))

    def since(self, begun: float) -> float:
        """Milliseconds."""
        return round((self.clock() - begun) * 1000, 3)

    def next_recording(self) -> tuple[str, Recording]:
        self._recordings += 1
        name = f"{self._recordings}.cast"
        return name, self._record(name)

    def keep(self, size: int) -> None:
        """Count bytes that are kept from here on; below zero, no longer."""
        self._kept += size
        if self._kept > _MAX_KEPT:
            raise Malformed("more is unfinished than one connection may have")

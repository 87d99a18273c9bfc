"""Runs a protocol's generator over scripted bytes instead of sockets.

A side's script is a list of turns: what it sends before it waits for an answer. A `Receive` gets at
most `cut` bytes of the turn at hand, and the next turn begins only after something was sent to that
side: a handshake that waits where the peer waits too fails here as a deadlock. Behind the last turn
the side is gone.
"""

from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from protocols.api import (
    Command,
    Compute,
    Connect,
    Disconnected,
    Login,
    NeedLogin,
    Recall,
    Receive,
    Remember,
    Send,
    Side,
    StartTls,
    TakeSpare,
    Tls,
)
from protocols.errors import Refusal

T = TypeVar("T")
Turns = Sequence[bytes]
Fault = Refusal | Disconnected

WHOLE = 1 << 30  # a `cut` that cuts nothing
VERIFIED = Tls("TLSv1.3", verified=True, peer_certificate=b"certificate")
UNVERIFIED = Tls("TLSv1.3", verified=False, peer_certificate=b"certificate")


@dataclass
class Peer:
    """One connection: what it will send, and what it was sent."""

    turns: Turns
    side: Side
    waits: bool  # for an answer, before it says more
    patient: bool
    received: bytes = b""
    read: int = 0
    _turn: int = 0
    _position: int = 0

    @property
    def unread(self) -> bytes:
        """What it sent in this turn and nobody has read yet."""
        turn = self.turns[self._turn] if self._turn < len(self.turns) else b""
        return turn[self._position :]

    def take(self, size: int) -> bytes:
        if not self.unread:
            self._begin_next_turn()
        piece = self.unread[:size]
        self._position += len(piece)
        self.read += len(piece)
        return piece

    def _begin_next_turn(self) -> None:
        self._turn += 1 if self._position else 0
        self._position = 0
        if not self.unread:
            raise Disconnected(self.side)
        assert not (self.waits and self.patient), (
            f"both sides wait: {self.side.value} was not answered"
        )
        self.waits = True

    def begin_tls(self, *, with_what_it_sent: bool) -> None:
        """As a real handshake does, fail on plaintext that stands where it should begin."""
        if self.unread and not with_what_it_sent:
            raise Disconnected(self.side)
        self._position += len(self.unread)
        self.waits = False

    def take_answer(self, data: bytes) -> None:
        self.received += data
        self.waits = False


@dataclass
class Script:
    """One run. `servers` are upstream's connections in turn, or why there is none, and `logins` the
    answers to NeedLogin. `tls` is what a TLS handshake comes to, and `spare` TakeSpare's answer.

    `faults` are thrown in instead of carrying a command out, by the command's number in `commands`.
    Sides that are not `patient` go on without an answer, as foreign bytes do.
    """

    client: Turns = ()
    servers: Sequence[Turns | Fault] = ()
    cut: int = WHOLE
    logins: Sequence[Login] = ()
    tls: Tls | Fault = VERIFIED
    faults: Mapping[int, Fault] = field(default_factory=dict)
    patient: bool = True
    spare: Any = None
    memory: dict[tuple[str, ...], tuple[str, Any]] = field(default_factory=dict)
    commands: list[Command] = field(default_factory=list, init=False)
    connections: list[Peer] = field(default_factory=list, init=False)

    def __post_init__(self) -> None:
        self.to_client = Peer(self.client, Side.CLIENT, False, self.patient)
        self._unused = list(self.logins)

    def run(self, generator: Generator[Command, Any, T]) -> T:
        step, argument = generator.send, None
        while True:
            try:
                command = step(argument)
            except StopIteration as end:
                result: T = end.value
                return result
            self.commands.append(command)
            try:
                step, argument = generator.send, self._carry_out(command)
            except (Refusal, Disconnected) as fault:
                step, argument = generator.throw, fault

    @property
    def upstream(self) -> Peer:
        return self.connections[-1]

    def said(self, side: Side) -> list[bytes]:
        """What was sent to one side, each Send apart."""
        return [c.data for c in self.commands if isinstance(c, Send) and c.side is side]

    def number(self, kind: type[Command]) -> int:
        """Where the first command of this type stands in `commands`."""
        return next(i for i, command in enumerate(self.commands) if isinstance(command, kind))

    def _carry_out(self, command: Command) -> Any:
        number = len(self.commands) - 1
        if number in self.faults:
            raise self.faults[number]
        match command:
            case Receive() | Send() | StartTls():
                return self._exchange(command)
            case Connect():
                return self.connect()
            case NeedLogin(_, rejected):
                return self._next_login(rejected)
            case Compute(work):
                return work()
            case TakeSpare():
                return self.spare
            case Recall() | Remember():
                return self._recall_or_remember(command)

    def _exchange(self, command: Receive | Send | StartTls) -> Any:
        peer = self.to_client if command.side is Side.CLIENT else self.upstream
        match command:
            case Receive():
                return peer.take(self.cut)
            case Send(_, data):
                return peer.take_answer(data)
            case StartTls(_, received):
                peer.begin_tls(with_what_it_sent=bool(received))
                if isinstance(self.tls, Refusal | Disconnected):
                    raise self.tls
                return self.tls

    def _recall_or_remember(self, command: Recall | Remember) -> Any:
        if isinstance(command, Remember):
            self.memory[command.name] = command.secret, command.value
            return None
        secret, value = self.memory.get(command.name, (command.secret, None))
        return value if secret == command.secret else None

    def connect(self) -> None:
        """Make upstream's next connection: a generator's Connect, or a test for one without."""
        server = self.servers[len(self.connections)]
        turns = () if isinstance(server, Refusal | Disconnected) else server
        self.connections.append(Peer(turns, Side.UPSTREAM, True, self.patient))
        if isinstance(server, Refusal | Disconnected):
            raise server

    def _next_login(self, rejected: Refusal | None) -> Login:
        if self._unused:
            return self._unused.pop(0)
        assert rejected is not None, "more logins are needed than the script has"
        raise rejected

"""The contract between a protocol and the proxy that runs it.

A handshake is a generator. It yields the commands below and is sent their results; whatever goes
wrong while a command is carried out is thrown into it at that `yield`, so that the protocol, which
alone knows how far the two sides have come, words the error packet. The same generator runs over
scripted bytes in tests and over sockets in `proxy.driver`.
"""

from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Protocol, Self

from protocols.errors import LoginRejected, Refusal


class Side(Enum):
    """Whose connection: the user's program, or the real server."""

    CLIENT = "client"
    UPSTREAM = "upstream"


class Disconnected(Exception):
    """A side ended its connection while a handshake was waiting for it."""

    def __init__(self, side: Side) -> None:
        super().__init__(f"{side.value} closed the connection")
        self.side = side


class TlsMode(Enum):
    """How a role wants its upstream connection protected, by libpq's names, weakest first."""

    DISABLE = "disable"
    ALLOW = "allow"
    PREFER = "prefer"
    REQUIRE = "require"
    VERIFY_CA = "verify-ca"
    VERIFY_FULL = "verify-full"

    @property
    def verifies(self) -> bool:
        """Whether a server that proves nothing about itself is turned away."""
        return self in (TlsMode.VERIFY_CA, TlsMode.VERIFY_FULL)


@dataclass(frozen=True, slots=True)
class TlsPolicy:
    """What TLS to upstream must prove, and to whose authority: PEM text, a path, or `system`.

    `certificate` and `key`, PEM text or paths, are what we prove ourselves with, where upstream
    asks for it.
    """

    mode: TlsMode
    root_certificate: str | None = None
    certificate: str | None = field(default=None, repr=False)
    key: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class TcpEndpoint:
    """A host name or address, and a port."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class UnixEndpoint:
    """A Unix domain socket's path."""

    path: str

    def __str__(self) -> str:
        return f"unix:{self.path}"


Endpoint = TcpEndpoint | UnixEndpoint


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """A role's environment, resolved: where to go and who to be there.

    Protocols add their own fields, and keep every credential out of the repr.
    """

    role: str
    endpoint: Endpoint
    tls: TlsPolicy

    def without_credentials(self) -> Self:
        """What is left of it once the session is in: enough to send a cancel request there."""
        return self


@dataclass(frozen=True, slots=True)
class Wish:
    """What the client said it wants before it was let in; for access and audit. None: not said."""

    user: str | None = None
    database: str | None = None
    application: str | None = None


# -- commands -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Receive:
    """Answered with the next bytes from `side`, at least one. Its end throws in Disconnected."""

    side: Side


@dataclass(frozen=True, slots=True)
class Send:
    """Answered with None once the kernel has taken all of `data`."""

    side: Side
    data: bytes


@dataclass(frozen=True, slots=True)
class StartTls:
    """TLS from here on: as the server towards the client, as the client towards upstream.

    `received` are bytes that were read already and belong to the TLS handshake. With `alpn`, the
    peer must agree on that protocol. Answered with `Tls`.
    """

    side: Side
    received: bytes = b""
    alpn: str | None = None


@dataclass(frozen=True, slots=True)
class Tls:
    """What the TLS handshake established."""

    version: str
    verified: bool
    peer_certificate: bytes | None  # DER


@dataclass(frozen=True, slots=True)
class NeedLogin:
    """Answered with the role's `Login`, its secrets read just now.

    With `rejected`, the login before was refused by upstream: the answer is one that differs from
    every login given so far, and where there is none `rejected` is thrown back in.
    """

    wish: Wish
    rejected: LoginRejected | None = None


@dataclass(frozen=True, slots=True)
class Note:
    """Answered with None. `wish` is what the client said after NeedLogin, in a protocol where the
    server speaks first."""

    wish: Wish


@dataclass(frozen=True, slots=True)
class Connect:
    """Answered with None once UPSTREAM is a new connection to the login's endpoint."""

    login: Login


@dataclass(frozen=True, slots=True)
class Compute:
    """Answered with `work()`'s result; for what would hold up everybody else's session."""

    work: Callable[[], Any]


@dataclass(frozen=True, slots=True)
class Recall:
    """Answered with what `Remember` kept last under this name, if that was with the same secret;
    else with None. The proxy keeps no secret to tell, and no value for long."""

    name: tuple[str, ...]
    secret: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Remember:
    """Answered with None. `value`, which took long to compute, replaces what the name stood for;
    None forgets it."""

    name: tuple[str, ...]
    secret: str = field(repr=False)
    value: Any = field(repr=False)


@dataclass(frozen=True, slots=True)
class TakeSpare:
    """Answered with what `log_in` returned some time ago, UPSTREAM being its connection from now
    on; or with None where there is no such spare. It is nobody else's, then or later.

    The proxy runs `log_in` when it likes, for sessions to come. They get a spare that was made for
    the same `role`, `target`, `secret` and `startup`, has waited no longer than `seconds`, and was
    told nothing meanwhile; one that nobody takes is told `farewell`. A role has `most` of them.
    """

    role: str
    target: object  # where to go, and all else that must be the same and is no secret
    secret: str = field(repr=False)
    startup: bytes = field(repr=False)  # may name the account
    log_in: Callable[[], Generator["Command", Any, Any]] = field(repr=False)
    farewell: bytes
    most: int
    seconds: float


Command = (
    Receive | Send | StartTls | NeedLogin | Note | Connect | Compute | Recall | Remember | TakeSpare
)

# -- results --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Flow:
    """Both sides are in: what the handshake hands over to the relay.

    `from_client` and `from_upstream` were read past the handshake's end: the relay's first bytes.
    `cancel_key` is what a later `CancelRequest` will present. `facts` go to the audit. `agreed` is
    what the protocol's own tap and gate must know of the handshake.
    """

    from_client: bytes
    from_upstream: bytes
    cancel_key: bytes | None
    facts: Mapping[str, str]
    agreed: Any = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a session ended. `abandoned`: nobody waits for what upstream may still be at work on."""

    ended_by: str  # client, upstream or proxy
    reason: str
    bytes_from_client: int
    bytes_from_upstream: int
    abandoned: bool = False


@dataclass(frozen=True, slots=True)
class CancelRequest:
    """The client wants no session: it asks that the session with `key` stop what it is doing."""

    key: bytes


Handshake = Generator[Command, Any, Flow | CancelRequest]


class Event(Protocol):
    """One audit event: a dataclass of plain values. No event type can hold a `Secret`.

    What is told for every statement may have a `json_fields() -> str`, which says faster than by
    way of its fields what they are in JSON.
    """

    @property
    def name(self) -> str:
        """Its type's."""


Emit = Callable[[Event], None]
Clock = Callable[[], float]  # seconds, monotonic
Nonce = Callable[[], bytes]  # 18 random bytes

Chunk = bytes | memoryview
"""Bytes as they came. A view is valid during the call only that it is passed to."""


class Tap(Protocol):
    """Watches one session's bytes after login and tells the audit what they meant.

    It is shown every byte in chunks as they came, upstream's after they were relayed. It raises
    `ClientProtocolError` or `ServerProtocolError` where the bytes are not the protocol, for what
    cannot be read cannot be audited. So the client's bytes are shown before they are relayed,
    unless they `may_wait`.
    """

    def may_wait(self, chunk: bytes) -> bool:
        """Whether what the client sends is whole messages that can be read for certain, so that it
        may be shown later. What was shown before may have waited as well."""

    @property
    def upstream_may_wait(self) -> bool:
        """Whether what upstream sends says nothing of how the client's next bytes must be read."""

    def client_sent(self, chunk: Chunk) -> None: ...

    def upstream_sent(self, chunk: Chunk) -> None: ...

    def last_words(self, refusal: Refusal) -> bytes:
        """The error packet that ends the session, or nothing where the client could not read it:
        in the middle of a message, or when either side has already said goodbye."""

    @property
    def full(self) -> bool:
        """Whether so much is unanswered that nothing more should be taken from the client yet."""

    @property
    def busy(self) -> bool:
        """Whether upstream owes an answer, and nobody has said goodbye without waiting for it."""

    def close(self) -> None:
        """The session is over: whatever is unfinished will stay so."""


class Gate(Protocol):
    """Stands between the tap and upstream in a session where something must be decided before it
    goes on, such as a statement that the role refuses.

    It is given every chunk, and answers with what goes on instead: the chunk itself, other bytes,
    or none as long as a message is not whole. What is refused goes on as something that upstream
    answers with an error, so that the answers keep their order. It raises what a tap raises.
    """

    def client_sent(self, chunk: Chunk) -> Chunk: ...

    def upstream_sent(self, chunk: Chunk) -> Chunk: ...


# -- a protocol as the proxy sees it --------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Variable:
    """One name that a role's environment may have. `about` completes the sentence "NAME is ...";
    `default` is what a provider may take for granted."""

    name: str
    about: str
    required: bool = False
    default: str | None = None


@dataclass(frozen=True, slots=True)
class ClientProgram:
    """How `keyless connect` opens the user's own client on a role. `hint` says how to get it."""

    arguments: Sequence[str]
    environment: Mapping[str, str]
    hint: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """What a folder in `protocols/` offers under the entry point group `keyless.protocols`: a
    `WireProtocol`, or a `CarriedProtocol`."""

    kind: str
    variables: Sequence[Variable]

    options: type
    """A frozen dataclass: the settings that a role of this kind has beside its environment."""

    speaks_first: bool = False
    """Whether the server greets before a client can say which role it wants."""

    socket_path: Callable[[str], str]
    """Where clients look for the Unix socket of a listener `unix:PATH`."""

    check_environment: Callable[[Mapping[str, str | None]], Sequence[str]]
    """Say what is wrong with an environment before any secret is read: a sentence for each
    mistake, beginning with the variable's name. References are None."""

    login: Callable[[str, Mapping[str, str], Any], Login]
    """Make a login of a role's name, resolved environment and options. ValueError tells what is
    wrong, never a value."""

    client: Callable[[Endpoint, str, str | None], ClientProgram]
    """The user's client program, pointed at a listener: endpoint, role, and database if known."""

    logs_in_ahead: Callable[[Any], bool] = lambda options: False
    """Whether options have logins made for sessions to come, which then have the same secrets."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WireProtocol(Kind):
    """A protocol that is done with once both sides are in: the proxy relays its bytes."""

    handshake: Callable[[Nonce], Handshake]
    """From a client's first byte to both sides being in."""

    try_login: Callable[[Any, Nonce], Generator[Command, Any, Mapping[str, str]]]
    """Upstream's half of the handshake alone, and a farewell: returns the session's facts."""

    cancel: Callable[[Any, bytes], Generator[Command, Any, None]] | None
    """Carry a cancel request with this key to upstream, on a connection of its own; None in a
    protocol that has no such thing."""

    probe: Callable[[str], Generator[Command, Any, None]]
    """As a client, see whether the proxy at UPSTREAM lets us in as this role, and leave again."""

    tap: Callable[[Emit, Clock, Any, Flow], Tap]
    """A tap for one session, of its login without credentials."""

    gate: Callable[[Any, Flow, Any], Gate | None]
    """A gate for one session, of its login without credentials and its tap, which sees what the
    client sent and gets. None where nothing is decided, which costs nothing."""

"""What the audit tells of a session, one type an event; a protocol's own events are in its tap.

Plain values only: no field may hold a `Secret`, and a test reads the types to see to it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class SessionStart:
    """A client is in. `wish` is what it asked for, `facts` what upstream said of the session,
    `versions` those of the role's secrets that upstream took."""

    name: ClassVar[str] = "session.start"
    kind: str
    client: Mapping[str, str | int | None]
    wish: Mapping[str, str | None]
    facts: Mapping[str, str]
    versions: tuple[str, ...]
    login_ms: float


@dataclass(frozen=True, slots=True)
class SessionEnd:
    """A client that was in is out. `ended_by` is client, upstream or proxy."""

    name: ClassVar[str] = "session.end"
    ended_by: str
    reason: str
    bytes_from_client: int
    bytes_from_upstream: int
    duration_ms: float


@dataclass(frozen=True, slots=True)
class SessionDenied:
    """A client was not let in. `sentence` is what it was told, `detail` is the operator's."""

    name: ClassVar[str] = "session.denied"
    kind: str
    client: Mapping[str, str | int | None]
    wish: Mapping[str, str | None]
    reason: str
    sentence: str
    detail: str


@dataclass(frozen=True, slots=True)
class SecretRead:
    """One session's read of one secret. `source`: read by it, shared with another session's read
    in flight, cached, or stale because the provider does not answer."""

    name: ClassVar[str] = "secret.read"
    provider: str
    secret: str
    keys: tuple[str | None, ...]
    stage: str
    version: str
    source: str
    duration_ms: float
    error: str | None


@dataclass(frozen=True, slots=True)
class LoginRetry:
    """Upstream refused a login, and a newer version of the role's secrets is tried."""

    name: ClassVar[str] = "login.retry"
    attempt: int
    code: str
    versions: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SpareLogin:
    """A login for a session to come, with what this session had read; `error` tells why there was
    none. Who takes it has `spare` among the facts of its session.start."""

    name: ClassVar[str] = "spare.login"
    spare: str
    versions: tuple[str, ...]
    login_ms: float
    error: str | None


@dataclass(frozen=True, slots=True)
class SpareEnd:
    """A spare that nobody took is logged out again."""

    name: ClassVar[str] = "spare.end"
    spare: str
    reason: str


@dataclass(frozen=True, slots=True)
class SessionCancel:
    """A client asked that a session stop its work; `known` tells whether it had the right key."""

    name: ClassVar[str] = "session.cancel"
    client: Mapping[str, str | int | None]
    known: bool


@dataclass(frozen=True, slots=True)
class CommandStart:
    """A command is about to run with a role's secrets, of these `versions`. `argv` is cut where it
    is long, and `argv_bytes` its true size; `masked` tells whether its output is."""

    name: ClassVar[str] = "command.start"
    client: Mapping[str, str | int | None]
    argv: tuple[str, ...]
    argv_bytes: int
    cwd: str
    versions: tuple[str, ...]
    masked: bool


@dataclass(frozen=True, slots=True)
class CommandEnd:
    """It is over, with `exit_status` or by a `signal`; `error` tells why it could not begin."""

    name: ClassVar[str] = "command.end"
    exit_status: int | None
    signal: str | None
    error: str | None
    duration_ms: float

"""The tables of `keyless.toml` and their defaults; what one kind of role may have is not here."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, InstanceOf

from protocols.api import TcpEndpoint, UnixEndpoint
from proxy.addresses import parse_listen


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class AuditConfig(_Table):
    """Where audit events go: a file, or `-` for standard output."""

    path: str = "audit.jsonl"


class Timeouts(_Table):
    """Seconds that each party has; nobody waits longer for it."""

    client: float = Field(30, gt=0, le=3600)
    """To say all that a login needs."""
    secret: float = Field(10, gt=0, le=3600)
    """To read a role's secrets."""
    upstream: float = Field(15, gt=0, le=3600)
    """To be connected to, and to let us in."""
    shutdown: float = Field(10, ge=0, le=3600)
    """For open sessions to end after SIGTERM."""


class Limits(_Table):
    """How many of what there may be at once."""

    sessions: int = Field(10_000, gt=0)


class Allow(_Table):
    """Who may use a role, by the operating system's names. Both empty: whoever can connect."""

    users: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()


def _listen(value: object) -> object:
    return parse_listen(value if isinstance(value, str) else "")


Listen = Annotated[InstanceOf[TcpEndpoint] | InstanceOf[UnixEndpoint], BeforeValidator(_listen)]


class RoleTable(BaseModel):
    """What roles of every kind share. The settings of one kind are in `model_extra`."""

    model_config = ConfigDict(extra="allow", frozen=True)

    kind: str
    listen: Listen | None = None
    allow: Allow = Allow()
    allow_unauthenticated: bool | None = None
    env: Mapping[str, str | int] = {}


class File(_Table):
    """The whole file."""

    audit: AuditConfig = AuditConfig()
    timeouts: Timeouts = Timeouts()
    limits: Limits = Limits()
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    allow_unauthenticated: bool = False
    roles: Mapping[str, Any] = Field(min_length=1)

"""The tables of `keyless.toml` and their defaults; what one kind of role may have is not here."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, InstanceOf

from protocols.api import TcpEndpoint, UnixEndpoint
from proxy.addresses import is_loopback, parse_listen

MOST_WORKERS = 64
COMMAND = "command"
"""The kind of role that is no protocol's: commands are run with its environment."""


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class AuditConfig(_Table):
    """Where audit events go: a file, or `-` for standard output."""

    path: str = "audit.jsonl"
    recordings: str = "recordings"
    """The folder where terminal sessions are recorded."""


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
    idle: float = Field(0, ge=0, le=31_536_000)
    """For a client that is in to ask for something; 0: it may be silent as long as it likes."""


def _listen(value: object) -> object:
    return parse_listen(value if isinstance(value, str) else "")


class SecretSettings(_Table):
    """How secrets are read. Times in seconds."""

    cache_ttl: float = Field(0, ge=0, le=86_400)
    """How long a secret may be used again without being read again."""
    stale_if_error: float = Field(0, ge=0, le=86_400)
    """How old a secret may be that is used because its provider does not answer."""
    rotation_wait: float = Field(2, ge=0, le=60)
    """How long to ask the provider for a newer secret than the one that upstream refused."""
    reads_at_once: int = Field(16, gt=0, le=256)
    """For each provider, so that a slow one holds up nobody else's."""
    leases: str = "leases"
    """The folder where live leases of dynamic secrets are noted, for a killed proxy's successor."""


def _tcp_endpoint(value: object) -> object:
    endpoint = _listen(value)
    if not isinstance(endpoint, TcpEndpoint) or not is_loopback(endpoint):
        raise ValueError("is not a loopback address; write 127.0.0.1:PORT")
    return endpoint


class MetricsConfig(_Table):
    """Where Prometheus may fetch the proxy's numbers, if anywhere."""

    listen: Annotated[InstanceOf[TcpEndpoint] | None, BeforeValidator(_tcp_endpoint)] = None


class Limits(_Table):
    """How many of what there may be at once."""

    sessions: int = Field(10_000, gt=0)


class Allow(_Table):
    """Who may use a role, by the operating system's names. Both empty: whoever can connect."""

    users: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()


class SshSettings(_Table):
    """What all SSH roles share."""

    host_key: str = "ssh_host_key"
    """The file of the private key by which clients know the proxy again; made if it is missing."""


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
    secrets: SecretSettings = SecretSettings()
    metrics: MetricsConfig = MetricsConfig()
    limits: Limits = Limits()
    ssh: SshSettings = SshSettings()
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    workers: int = Field(1, gt=0, le=MOST_WORKERS)
    """How many processes share the sessions."""
    allow_unauthenticated: bool = False
    listen: Mapping[str, Listen] = {}
    """By kind, where all roles of it are: the client's user name chooses one."""
    roles: Mapping[str, Any] = Field(min_length=1)

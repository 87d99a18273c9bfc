"""What all sessions of a process share, made of the configuration."""

import os
import ssl
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from proxy import registry
from proxy.audit.end import End
from proxy.audit.log import AuditLog
from proxy.cancels import Cancels, Elsewhere, nowhere
from proxy.certificates import Identity, self_signed
from proxy.config import Config
from proxy.hindsight import Hindsight
from proxy.leases import Leases
from proxy.memory import Memory
from proxy.metrics import Metrics
from proxy.own_key import OwnKey
from proxy.places import Places
from proxy.readiness import Readiness, readiness
from proxy.secrets import SecretReader
from proxy.spares import Spares
from proxy.tls import server_context


@dataclass(frozen=True, slots=True)
class Common:
    """What a process has in common with others that serve the same file, or for itself alone."""

    places: Places
    audit_end: End
    identity: Identity
    elsewhere: Elsewhere = nowhere


@dataclass(slots=True)
class Services:
    """`places` are for clients that said what they want and may have it, until they leave;
    `waiting` counts, by user id, those that have not said it yet."""

    config: Config
    metrics: Metrics
    secrets: SecretReader
    leases: Leases
    audit: AuditLog
    cancels: Cancels
    own_key: OwnKey
    places: Places
    own_tls: ssl.SSLContext
    memory: Memory = field(default_factory=Memory)
    hindsight: Hindsight = field(default_factory=Hindsight)
    readiness: Readiness = field(default_factory=readiness)
    spares: Spares = field(init=False)
    waiting: Counter[int | None] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        timeouts = self.config.timeouts
        self.spares = Spares(timeouts, self.memory, self.readiness, self.metrics)

    async def close(self) -> None:
        """End what is live still, and write what waits."""
        await self.spares.close()
        await self.leases.close()
        self.secrets.close()
        self.audit.close()


def open_services(
    config: Config, environ: Mapping[str, str] = os.environ, common: Common | None = None
) -> Services:
    """For the providers that the file refers to, set up by `environ`.

    Raises AuditError.
    """
    if common is None:
        common = Common(Places(config.limits.sessions), End(), self_signed())
    used = {reference.provider for reference in config.references()}
    providers = {name: registry.providers()[name](environ) for name in used}
    metrics = Metrics()
    secrets = SecretReader(providers, config.secrets, config.timeouts.secret, metrics)
    services = Services(
        config=config,
        metrics=metrics,
        secrets=secrets,
        leases=Leases(secrets, config.path.parent / config.secrets.leases),
        audit=AuditLog(config.audit.path, config.path.parent, common.audit_end),
        cancels=Cancels(config.timeouts, common.elsewhere),
        own_key=OwnKey(config.path.parent / config.ssh.host_key),
        places=common.places,
        own_tls=server_context(common.identity),
    )
    metrics.open_sessions.set_function(lambda: services.places.taken)
    return services

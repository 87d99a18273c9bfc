"""What the proxy counts, for Prometheus: sessions, reads of secrets, retried logins.

prometheus-client keeps the numbers and serves them. No label holds a secret's name or a user's.
"""

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    disable_created_metrics,
    start_http_server,
)

from protocols.api import TcpEndpoint
from proxy.listener import ListenError


class Metrics:
    """One process's numbers."""

    def __init__(self) -> None:
        # A time beside every number helps nobody here.
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self.registry = CollectorRegistry()
        self.sessions = Counter(
            "keyless_sessions",
            "Sessions by how they began: started, denied or cancel.",
            ["role", "outcome"],
            registry=self.registry,
        )
        self.open_sessions = Gauge(
            "keyless_open_sessions",
            "Clients that are in, or being logged in.",
            registry=self.registry,
        )
        self.login_retries = Counter(
            "keyless_login_retries",
            "Logins tried again with another version of the role's secrets.",
            ["role"],
            registry=self.registry,
        )
        self.spares = Counter(
            "keyless_spares",
            "Logins for sessions to come by what became of them: made, used, dropped or failed.",
            ["role", "outcome"],
            registry=self.registry,
        )
        self.secret_reads = Counter(
            "keyless_secret_reads",
            "Sessions' reads of secrets by source: read, shared, cached, stale or error.",
            ["provider", "source"],
            registry=self.registry,
        )
        self.secret_read_seconds = Histogram(
            "keyless_secret_read_seconds",
            "How long providers took to answer.",
            ["provider"],
            registry=self.registry,
        )
        self.reads_in_flight = Gauge(
            "keyless_secret_reads_in_flight",
            "Reads that a provider has not answered yet.",
            ["provider"],
            registry=self.registry,
        )


def serve(registry: CollectorRegistry, endpoint: TcpEndpoint) -> None:
    """Answer GET /metrics in a thread of its own. Raises ListenError."""
    try:
        start_http_server(endpoint.port, endpoint.host, registry=registry)
    except OSError as error:
        raise ListenError(f"cannot serve metrics on {endpoint}: {error.strerror}") from None

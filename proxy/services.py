"""What all sessions of a process share."""

from dataclasses import dataclass

from proxy.audit.log import AuditLog
from proxy.cancels import Cancels
from proxy.config.schema import Limits, Timeouts
from proxy.secrets import SecretReader


@dataclass(slots=True)
class Services:
    """Made by the server, used by sessions. `open_sessions` counts from accept to close."""

    timeouts: Timeouts
    limits: Limits
    secrets: SecretReader
    audit: AuditLog
    cancels: Cancels
    open_sessions: int = 0

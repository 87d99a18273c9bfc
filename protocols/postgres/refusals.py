"""How a refusal reads in PostgreSQL: which SQLSTATE stands for which reason."""

from protocols.errors import Reason, Refusal, UpstreamRefused
from protocols.postgres.messages import ErrorResponse

_SQLSTATE = {
    Reason.MALFORMED: "08P01",
    Reason.OVERSIZED: "54000",
    Reason.UNSUPPORTED: "0A000",
    Reason.UNKNOWN_ROLE: "3D000",
    Reason.UNKNOWN_DATABASE: "3D000",
    Reason.DENIED: "42501",
    Reason.LIMIT_REACHED: "53300",
    Reason.SECRET_UNAVAILABLE: "08006",
    Reason.UPSTREAM_UNREACHABLE: "08006",
    Reason.UPSTREAM_STARTING: "57P03",
    Reason.UPSTREAM_BROKEN: "08006",
    Reason.UPSTREAM_INSECURE: "08006",
    Reason.LOGIN_REJECTED: "28000",
    Reason.IDLE: "57P05",
    Reason.SHUTTING_DOWN: "57P01",
    Reason.AUDIT_UNWRITABLE: "58030",
    Reason.INTERNAL: "XX000",
}


def error_response(refusal: Refusal) -> bytes:
    """The ErrorResponse that a refused client receives."""
    code = refusal.code if isinstance(refusal, UpstreamRefused) else _SQLSTATE[refusal.reason]
    return ErrorResponse.fatal(code, str(refusal)).encode()

"""Why a session is refused, and whose fault it is.

A refusal's sentence goes to the client, so it may name the role and never an account, a secret's
path or a provider's or server's own words; those belong in `detail`, which only the operator's log
shows.
Each protocol turns a `Reason` into its own error packet and code.
"""

from enum import Enum, auto


class Reason(Enum):
    """Protocol-neutral reasons, one for each error code that protocols tell apart."""

    MALFORMED = auto()  # the client broke the protocol
    OVERSIZED = auto()  # the client claimed more bytes than any legal message has
    UNSUPPORTED = auto()  # the client asked for what we do not speak
    UNKNOWN_ROLE = auto()  # also what a client sees that may not use the role
    UNKNOWN_DATABASE = auto()
    DENIED = auto()
    LIMIT_REACHED = auto()
    SECRET_UNAVAILABLE = auto()  # provider down, secret or key missing, access denied
    UPSTREAM_UNREACHABLE = auto()
    UPSTREAM_STARTING = auto()
    UPSTREAM_BROKEN = auto()  # upstream broke the protocol, or is not what the role says
    UPSTREAM_INSECURE = auto()  # TLS missing or not verified, or a login method not allowed
    LOGIN_REJECTED = auto()
    IDLE = auto()  # the client asked for nothing for longer than the role lets it
    SHUTTING_DOWN = auto()
    AUDIT_UNWRITABLE = auto()
    INTERNAL = auto()


class Refusal(Exception):
    """The session ends here. `str()` is the client's sentence, `detail` the operator's."""

    def __init__(self, reason: Reason, sentence: str, *, detail: str = "") -> None:
        super().__init__(sentence)
        self.reason = reason
        self.detail = detail


class ClientProtocolError(Refusal):
    """The client sent what the protocol forbids."""

    def __init__(self, sentence: str, reason: Reason = Reason.MALFORMED) -> None:
        super().__init__(reason, sentence)


class ServerProtocolError(Refusal):
    """Upstream sent what the protocol forbids; `detail` says what, in the protocol's terms."""

    def __init__(
        self, sentence: str, *, reason: Reason = Reason.UPSTREAM_BROKEN, detail: str = ""
    ) -> None:
        super().__init__(reason, sentence, detail=detail)


class LoginRejected(Refusal):
    """Upstream understood the login and did not accept the credential: another one may do.

    `code` is upstream's own error code, such as SQLSTATE 28P01.
    """

    def __init__(self, sentence: str, *, code: str, detail: str = "") -> None:
        super().__init__(Reason.LOGIN_REJECTED, sentence, detail=detail)
        self.code = code


class UpstreamRefused(Refusal):
    """Upstream ended the session for its own reason, which `code` tells the client."""

    def __init__(self, sentence: str, *, code: str, detail: str = "") -> None:
        super().__init__(Reason.UPSTREAM_BROKEN, sentence, detail=detail)
        self.code = code


def misconfigured(role: str, mistake: object) -> Refusal:
    """The role's settings or secrets are not what they must be, which only its operator can mend;
    the mistake is told to nobody else."""
    sentence = f'role "{role}" is not set up correctly; tell its operator'
    return Refusal(Reason.SECRET_UNAVAILABLE, sentence, detail=str(mistake))

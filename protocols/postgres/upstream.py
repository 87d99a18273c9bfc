"""The server during a login: its messages, bounded and decoded, and its faults, worded.

What the server itself says reaches a client only after it has let us in, and never with the
account's name in it.
"""

import re
from collections.abc import Generator
from typing import Any

from protocols.api import Command, Send, Side, Tls
from protocols.errors import (
    LoginRejected,
    Reason,
    Refusal,
    ServerProtocolError,
    UpstreamRefused,
)
from protocols.postgres.inbox import Inbox, Message
from protocols.postgres.login import PostgresLogin
from protocols.postgres.messages import ErrorResponse

_SQLSTATE = re.compile(r"[0-9A-Z]{5}")
# The server did not take the credential; another version of it may do.
_REJECTED = {"28P01", "28000"}
_REASONS = {
    "57P03": (Reason.UPSTREAM_STARTING, "is starting up or shutting down; try again"),
    "53300": (Reason.LIMIT_REACHED, "has no connection left; try again later"),
    "3D000": (Reason.UNKNOWN_DATABASE, "does not have this database"),
}


class Upstream:
    """One connection to a role's server, not yet logged in."""

    def __init__(self, login: PostgresLogin) -> None:
        self.login = login
        self.inbox = Inbox(Side.UPSTREAM)
        self.tls: Tls | None = None
        self.let_us_in = False

    def send(self, data: bytes) -> Generator[Command, Any, None]:
        yield Send(Side.UPSTREAM, data)

    def receive(self) -> Generator[Command, Any, Message]:
        """The next message that is not an error; an error ends the login."""
        message = yield from self.inbox.message()
        if message.kind == ErrorResponse.kind:
            raise self.refused(message.body)
        return message

    def broken(self, what: str) -> ServerProtocolError:
        """It is not a PostgreSQL server, or not one in order."""
        return ServerProtocolError(f"{self} {what}")

    def insecure(self, what: str) -> ServerProtocolError:
        """It would have us log in with less protection than the role demands."""
        return ServerProtocolError(f"{self} {what}", reason=Reason.UPSTREAM_INSECURE)

    def refused(self, body: bytes) -> Refusal:
        """Its ErrorResponse, as the client may read it."""
        try:
            error = ErrorResponse.decode(body)
        except ValueError as fault:
            return self.broken(f"sent a malformed error: {fault}")
        code, sentence = error.field("C"), error.field("M")
        if not _SQLSTATE.fullmatch(code):  # it goes to the client, and may be any text
            return self.broken("sent an error without an SQLSTATE")
        detail = f"{code} {sentence}"
        if code in _REJECTED and not self.let_us_in:
            rejection = "refused the login; the role's credential may be out of date"
            return LoginRejected(f"{self} {rejection}", code=code, detail=detail)
        if code in _REASONS:
            reason, what = _REASONS[code]
            return Refusal(reason, f"{self} {what}", detail=detail)
        if self.let_us_in and not self._tells_of_the_login(sentence):
            return UpstreamRefused(sentence, code=code, detail=detail)
        return UpstreamRefused(f"{self} refused the session ({code})", code=code, detail=detail)

    def _tells_of_the_login(self, sentence: str) -> bool:
        """Whether a value is in it that may have come from a secret."""
        values = (self.login.user, self.login.password, self.login.database)
        return any(value in sentence for value in values if value)

    def __str__(self) -> str:
        return f'upstream of role "{self.login.role}"'

"""The server during a login: its messages, bounded and decoded, and its faults, worded.

What the server itself says reaches a client only after it has let us in, and never with the
account's name in it.
"""

import re
from collections.abc import Generator
from enum import Enum, auto
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
from protocols.postgres.messages import (
    Authentication,
    ErrorResponse,
    PasswordMessage,
    message,
)

TERMINATE = message(b"X", b"")

_SQLSTATE = re.compile(r"[0-9A-Z]{5}")
# The server did not take the credential; another version of it may do.
_REJECTED = {"28P01", "28000"}
_REASONS = {
    "57P03": (Reason.UPSTREAM_STARTING, "is starting up or shutting down; try again"),
    "53300": (Reason.LIMIT_REACHED, "has no connection left; try again later"),
    "3D000": (Reason.UNKNOWN_DATABASE, "does not have this database"),
}
_MAX_UNREADY = 1 << 18  # bytes before a ReadyForQuery that we wait for


class Phase(Enum):
    """How far a login has come."""

    CONNECTED = auto()
    STARTING_TLS = auto()
    STARTED = auto()  # it was told who wants in, and has said nothing yet
    AUTHENTICATING = auto()
    IN = auto()


class Upstream:
    """One connection to a role's server, not yet logged in."""

    def __init__(self, login: PostgresLogin) -> None:
        self.login = login
        self.inbox = Inbox(Side.UPSTREAM)
        self.tls: Tls | None = None
        self.phase = Phase.CONNECTED

    def send(self, data: bytes) -> Generator[Command, Any, None]:
        yield Send(Side.UPSTREAM, data)

    def receive(self) -> Generator[Command, Any, Message]:
        """The next message that is not an error; an error ends the login."""
        message = yield from self.inbox.message()
        if message.kind == ErrorResponse.kind:
            raise self.refused(message.body)
        return message

    def until_ready(self, expected: bytes) -> Generator[Command, Any, tuple[Message, ...]]:
        """All messages up to ReadyForQuery, which may be of these kinds."""
        messages: list[Message] = []
        size = 0
        while not messages or messages[-1].kind != b"Z":
            message = yield from self.receive()
            size += 5 + len(message.body)
            if message.kind not in expected + b"Z" or size > _MAX_UNREADY:
                raise self.broken(f"sent message {message.kind!r} where ReadyForQuery is due")
            messages.append(message)
        return tuple(messages)

    def allow(self, method: str, what: str) -> None:
        """Go on only if the role lets the server log us in like that."""
        if method not in self.login.methods:
            raise self.insecure(
                f"{what}, which the role does not allow; set REQUIRE_AUTH to {method} to allow it"
            )

    def password(self, method: str, what: str) -> str:
        """What the server is to be proven that we know, if the role lets it ask."""
        self.allow(method, what)
        if not self.login.password:
            raise self.broken(f"{what}, and the role has no password; set PASS")
        return self.login.password

    def answer(self, data: bytes) -> Generator[Command, Any, None]:
        """Answer a demand for a credential."""
        yield from self.send(PasswordMessage(data).encode())

    def expect(self, method: int) -> Generator[Command, Any, bytes]:
        """The next message of the exchange that a demand has begun."""
        authentication = self.authentication((yield from self.receive()))
        if authentication.method != method:
            raise self.broken(
                f"sent authentication message {authentication.method} where {method} is due"
            )
        return authentication.data

    def authentication(self, message: Message) -> Authentication:
        if message.kind != Authentication.kind:
            raise self.broken(f"sent message {message.kind!r} during authentication")
        try:
            return Authentication.decode(message.body)
        except ValueError as error:
            raise self.broken(f"broke the protocol: {error}") from None

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
        if code in _REJECTED and self.phase is not Phase.IN:
            rejection = "refused the login; the role's credential may be out of date"
            return LoginRejected(f"{self} {rejection}", code=code, detail=detail)
        if code in _REASONS:
            reason, what = _REASONS[code]
            return Refusal(reason, f"{self} {what}", detail=detail)
        if self.phase is Phase.IN and not self._tells_of_the_login(sentence):
            return UpstreamRefused(sentence, code=code, detail=detail)
        return UpstreamRefused(f"{self} refused the session ({code})", code=code, detail=detail)

    def _tells_of_the_login(self, sentence: str) -> bool:
        """Whether a value is in it that may have come from a secret."""
        values = (self.login.user, self.login.password, self.login.database)
        return any(value in sentence for value in values if value)

    def __str__(self) -> str:
        return f'upstream of role "{self.login.role}"'

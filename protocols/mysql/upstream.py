"""The server during a login: its packets, bounded and decoded, and its faults, worded.

What the server itself says never reaches a client: it names the account where it refuses one.
"""

from collections.abc import Generator, Iterator
from contextlib import contextmanager
from typing import Any

from protocols.api import Command, Disconnected, Side, Tls, UnixEndpoint
from protocols.errors import (
    LoginRejected,
    Reason,
    Refusal,
    ServerProtocolError,
    UpstreamRefused,
)
from protocols.mysql.exchange import Exchange
from protocols.mysql.greeting import Greeting
from protocols.mysql.login import MysqlLogin
from protocols.mysql.messages import ERR, ErrPacket

# The server did not take the credential; another version of it may do. Access denied, also without
# a password; a password that has expired; an account that is locked, by MySQL's and MariaDB's code.
_REJECTED = {1045, 1698, 1862, 3118, 4151}
_NO_ROOM = (Reason.LIMIT_REACHED, "has no connection left; try again later")
_REASONS = {
    1040: _NO_ROOM,
    1203: _NO_ROOM,
    1226: _NO_ROOM,
    1049: (Reason.UNKNOWN_DATABASE, "does not have this database"),
    1044: (Reason.UNKNOWN_DATABASE, "does not let the role's account into this database"),
    1053: (Reason.UPSTREAM_STARTING, "is shutting down; try again"),
}


class Upstream:
    """One connection to a role's server, not yet logged in."""

    def __init__(self, login: MysqlLogin) -> None:
        self.login = login
        self.exchange = Exchange(Side.UPSTREAM)
        self.tls: Tls | None = None
        self.greeting: Greeting

    @property
    def hides_what_is_said(self) -> bool:
        """Whether nobody on the way can read it, as the server itself sees it."""
        return self.tls is not None or isinstance(self.login.endpoint, UnixEndpoint)

    def send(self, payload: bytes) -> Generator[Command, Any, None]:
        yield from self.exchange.send(payload)

    def receive(self) -> Generator[Command, Any, bytes]:
        """The next packet that is not an error; an error ends the login."""
        payload = yield from self.exchange.receive()
        if payload[:1] == ERR:
            raise self.refused(payload)
        return payload

    @contextmanager
    def staying(self) -> Iterator[None]:
        """Inside, a server that closes the connection breaks the protocol."""
        try:
            yield
        except Disconnected:
            raise self.broken("closed the connection during the login") from None

    @contextmanager
    def in_order(self) -> Iterator[None]:
        """Inside, bytes that are not the format are the server's fault."""
        try:
            yield
        except ValueError as fault:
            raise self.broken(f"broke the protocol: {fault}") from None

    def broken(self, what: str) -> ServerProtocolError:
        """It is not a MySQL server, or not one in order."""
        return ServerProtocolError(f"{self} {what}")

    def insecure(self, what: str) -> ServerProtocolError:
        """It would have us log in with less protection than the role demands."""
        return ServerProtocolError(f"{self} {what}", reason=Reason.UPSTREAM_INSECURE)

    def refused(self, payload: bytes) -> Refusal:
        """Its error, as the client may read it."""
        with self.in_order():
            error = ErrPacket.decode(payload)
        detail = f"{error.code} {error.message}"
        if error.code in _REJECTED:
            rejection = "refused the login; the role's credential may be out of date"
            return LoginRejected(f"{self} {rejection}", code=str(error.code), detail=detail)
        if error.code in _REASONS:
            reason, what = _REASONS[error.code]
            return Refusal(reason, f"{self} {what}", detail=detail)
        sentence = f"{self} refused the session ({error.code})"
        return UpstreamRefused(sentence, code=str(error.code), detail=detail)

    def __str__(self) -> str:
        return f'upstream of role "{self.login.role}"'

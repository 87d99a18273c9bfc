"""Our side of a login at upstream: answers what asyncssh asks for, and tells how it went.

A password is given once, to whichever method asks first: a second try would count towards a lockout
and tell nothing new.
"""

import asyncio
from collections.abc import Sequence
from typing import Any

from asyncssh import (
    ConnectionLost,
    DisconnectError,
    HostKeyNotVerifiable,
    PermissionDenied,
    SSHClient,
    SSHKey,
    SSHKeyPair,
)

from protocols.api import TcpEndpoint
from protocols.errors import LoginRejected, Reason, Refusal, ServerProtocolError
from protocols.ssh.credentials import Credentials

_LONGEST_BANNER = 8_192
_TOO_MANY = "Too many authentication failures"


class Applicant(SSHClient):
    """`done` is over when upstream has let us in, or raises why it has not. `lost` becomes how the
    connection ended after that."""

    def __init__(self, role: str, endpoint: TcpEndpoint, credentials: Credentials) -> None:
        self._upstream = f'upstream of role "{role}"'
        self._endpoint = endpoint
        self._host_keys = credentials.host_keys
        self._keys = list(credentials.keys)
        self._password = credentials.password
        self._was_questioned = False
        self._complaint = ""
        self.method = "none"
        self.banner = ""
        loop = asyncio.get_running_loop()
        self.done: asyncio.Future[None] = loop.create_future()
        self.lost: asyncio.Future[Exception | None] = loop.create_future()

    # -- what upstream must show ----------------------------------------------------------------

    def validate_host_public_key(self, host: str, addr: str, port: int, key: SSHKey) -> bool:
        try:
            if self._host_keys.take(self._endpoint, addr, key):
                return True
            self._complaint = f"it has {key.get_algorithm()} {key.get_fingerprint()}"
        except OSError as error:
            self._complaint = f"the file of KNOWN_HOSTS cannot be written: {error.strerror}"
        return False

    # -- what it is shown -----------------------------------------------------------------------

    def public_key_auth_requested(self) -> SSHKeyPair | None:
        if not self._keys:
            return None
        key = self._keys.pop(0)
        self.method = "certificate" if key.has_cert else "publickey"
        return key

    def password_auth_requested(self) -> str | None:
        return self._say_password("password")

    def password_change_requested(self, prompt: str, lang: str) -> Any:
        self._complaint = "wants the account's password changed"
        return NotImplemented

    def kbdint_auth_requested(self) -> str | None:
        """Once: a server may offer the method and have no question."""
        if self._password is None or self._was_questioned:
            return None
        self._was_questioned = True
        return ""

    def kbdint_challenge_received(
        self, name: str, instructions: str, lang: str, prompts: Sequence[tuple[str, bool]]
    ) -> Sequence[str] | None:
        """One question whose answer is not to be shown is taken for the password's, in whatever
        language; what asks nothing only tells something."""
        if not prompts:
            return []
        if len(prompts) > 1 or prompts[0][1]:
            return None
        password = self._say_password("keyboard-interactive")
        return None if password is None else [password]

    def _say_password(self, method: str) -> str | None:
        if self._password is None:
            return None
        self.method = method
        password, self._password = self._password, None
        return password

    # -- how it went ----------------------------------------------------------------------------

    def auth_banner_received(self, msg: str, lang: str) -> None:
        self.banner = (self.banner + msg)[:_LONGEST_BANNER]

    def auth_completed(self) -> None:
        if not self.done.done():
            self.done.set_result(None)

    def connection_lost(self, exc: Exception | None) -> None:
        self._keys.clear()
        self._password = None
        if self.done.done():
            self.lost.set_result(exc)
        else:
            self.done.set_exception(self._refused(exc))

    def _refused(self, exc: Exception | None) -> Refusal:
        match exc:
            case HostKeyNotVerifiable():
                return ServerProtocolError(
                    f"{self._upstream} has a host key that the role does not know",
                    reason=Reason.UPSTREAM_INSECURE,
                    detail=f"{exc.reason}{self._complaint and '; '}{self._complaint}",
                )
            case PermissionDenied():
                return self._denied()
            case DisconnectError() if _TOO_MANY in exc.reason:
                return self._rejected()
            case None | ConnectionLost() | OSError():
                sentence = f"{self._upstream} closed the connection during the login"
                return Refusal(Reason.UPSTREAM_UNREACHABLE, sentence, detail=str(exc or ""))
            case DisconnectError():
                return ServerProtocolError(f"{self._upstream} ended the login", detail=exc.reason)
        what = f"{type(exc).__name__}: {exc}"
        return ServerProtocolError(f"{self._upstream} broke the protocol", detail=what)

    def _denied(self) -> Refusal:
        if self._complaint:
            return Refusal(Reason.LOGIN_REJECTED, f"{self._upstream} {self._complaint}")
        if self.method == "none":
            return ServerProtocolError(
                f"{self._upstream} takes no login of the sort that the role has",
                reason=Reason.UPSTREAM_INSECURE,
                detail="it allows neither a public key nor a password, whichever the role has",
            )
        return self._rejected()

    def _rejected(self) -> LoginRejected:
        return LoginRejected(
            f"{self._upstream} refused the login; the role's credential may be out of date",
            code="permission-denied",
            detail=f"it refused the role's {self.method}",
        )

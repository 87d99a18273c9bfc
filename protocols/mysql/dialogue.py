"""What passes between a login plugin of ours and upstream's half of the same plugin.

The server names the plugin, in its greeting and again wherever the account has another one, and
decides in the end. What a plugin says is in `protocols.mysql.authentication`.
"""

from collections.abc import Generator
from dataclasses import replace
from typing import Any

from protocols.api import Command, Nonce
from protocols.mysql.messages import (
    AUTH_MORE_DATA,
    AUTH_SWITCH,
    OK,
    AuthSwitchRequest,
    HandshakeResponse,
)
from protocols.mysql.packets import raw
from protocols.mysql.upstream import Upstream

_SCRAMBLE = 20  # bytes; MySQL ends it with a NUL


class Dialogue:
    """One login's. `challenge` is the data that came with the plugin's name; `verdict` is the
    packet that ends the plugin's part, once it is there."""

    def __init__(
        self, upstream: Upstream, plugin: str, response: HandshakeResponse, nonce: Nonce
    ) -> None:
        self.upstream = upstream
        self.plugin = plugin
        self.password = raw(upstream.login.password)
        self.nonce = nonce
        self.verdict = b""
        self._challenge = upstream.greeting.scramble
        self._response: HandshakeResponse | None = response

    def scramble(self, size: int = _SCRAMBLE) -> bytes:
        """The challenge, as a plugin wants it: no longer and no shorter."""
        scramble = self._challenge[:size]
        if len(scramble) < size or self._challenge[size:] not in (b"", b"\0"):
            raise self.upstream.broken(f"sent a scramble of {len(self._challenge)} bytes")
        return scramble

    def say(self, answer: bytes) -> Generator[Command, Any, None]:
        """The first answer of all travels with everything else that a client says of itself."""
        response, self._response = self._response, None
        if response is not None:
            try:
                answer = replace(response, plugin=self.plugin, answer=answer).encode()
            except ValueError as fault:
                raise self.upstream.broken(f"cannot be answered: the answer {fault}") from None
        yield from self.upstream.send(answer)

    def hear(self) -> Generator[Command, Any, bytes]:
        """The plugin's next data, or nothing once there is a verdict."""
        payload = yield from self.upstream.receive()
        if payload[:1] in (OK, AUTH_SWITCH):
            self.verdict = payload
            return b""
        data = payload.removeprefix(AUTH_MORE_DATA)  # MariaDB leaves it out where it can
        if not data:
            raise self.upstream.broken("says nothing during authentication")
        return data

    def switch(self) -> None:
        """Go on with the plugin that the verdict names."""
        if self.verdict == AUTH_SWITCH:
            raise self.upstream.insecure("asks for mysql_old_password, which proves nothing")
        with self.upstream.in_order():
            request = AuthSwitchRequest.decode(self.verdict)
        self.plugin, self._challenge, self.verdict = request.plugin, request.data, b""

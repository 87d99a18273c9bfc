"""Our side of a client's login: nobody is asked for anything, and everybody has to wait."""

import asyncio

from asyncssh import KeyExchangeFailed, MACError, ProtocolError, SSHServer

from protocols.api import Disconnected, Side
from protocols.errors import ClientProtocolError

_LONGEST_COMPLAINT = 200


class Doorman(SSHServer):
    """`named` becomes the user name that the client gives, or raises how it left. It is let in
    when `open` is set. `lost` becomes how the connection ended after it was named."""

    def __init__(self) -> None:
        loop = asyncio.get_running_loop()
        self.named: asyncio.Future[str] = loop.create_future()
        self.open: asyncio.Future[None] = loop.create_future()
        self.lost: asyncio.Future[Exception | None] = loop.create_future()

    async def begin_auth(self, username: str) -> bool:
        """With whatever the client begins, "none" or a credential, this is called first; what it
        then shows is not looked at."""
        if not self.named.done():
            self.named.set_result(username)
        await asyncio.wait([self.open])
        return self.open.cancelled()

    def connection_lost(self, exc: Exception | None) -> None:
        self.open.cancel()
        if not self.named.done():
            self.named.set_exception(_left(exc))
        else:
            self.lost.set_result(exc)


def _left(exc: Exception | None) -> Exception:
    if isinstance(exc, ProtocolError | KeyExchangeFailed | MACError):
        return ClientProtocolError(
            f"the client broke the protocol: {exc.reason[:_LONGEST_COMPLAINT]}"
        )
    gone = Disconnected(Side.CLIENT)
    gone.__cause__ = exc
    return gone

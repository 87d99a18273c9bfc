"""Runs a protocol's generator over real sockets: turns its commands into awaits.

What goes wrong with a command is thrown into the generator as a `Refusal` or `Disconnected`, so
that the protocol can word it. Each side has a deadline for all it must do until both are in.
"""

import asyncio
import logging
import os
import ssl
from collections.abc import Awaitable, Callable, Generator
from secrets import token_bytes
from typing import Any, TypeVar

from protocols.api import (
    Command,
    Compute,
    Connect,
    Disconnected,
    Login,
    NeedLogin,
    Receive,
    Send,
    Side,
    StartTls,
    TcpEndpoint,
    Tls,
)
from protocols.errors import ClientProtocolError, Reason, Refusal, ServerProtocolError
from proxy import dial
from proxy.config.schema import Timeouts
from proxy.connection import Connection
from proxy.dial import Address
from proxy.tls import client_context, server_context

_NONCE_BYTES = 18
_log = logging.getLogger("keyless.driver")
T = TypeVar("T")
Logins = Callable[[NeedLogin], Awaitable[Login]]


def nonce() -> bytes:
    """The randomness that handshakes are given."""
    return token_bytes(_NONCE_BYTES)


class Driver:
    """Both connections of one session while it is being made.

    `logins` answers NeedLogin. With `address`, upstream is there, whatever its name resolves to;
    with `upstream`, it is connected to already.
    """

    def __init__(
        self,
        timeouts: Timeouts,
        *,
        client: Connection | None = None,
        logins: Logins | None = None,
        address: Address | None = None,
        upstream: Connection | None = None,
    ) -> None:
        self._timeouts = timeouts
        self._client = client
        self._logins = logins
        self._login: Login | None = None
        now = asyncio.get_running_loop().time()
        self._client_until = now + timeouts.client
        self._upstream_until = now + timeouts.upstream
        self._pinned = address
        self.upstream = upstream
        self.address = address

    async def run(self, generator: Generator[Command, Any, T]) -> T:
        """Drive a generator to its end, and return what it returns. Raises what it raises."""
        step, argument = generator.send, None
        while True:
            try:
                command = step(argument)
            except StopIteration as end:
                result: T = end.value
                return result
            try:
                step, argument = generator.send, await self._carry_out(command)
            except (Refusal, Disconnected) as fault:
                step, argument = generator.throw, fault
            except Exception as bug:
                _log.error("this is a bug in Keyless", exc_info=bug)
                refusal = Refusal(Reason.INTERNAL, "the proxy failed; tell its operator")
                step, argument = generator.throw, refusal

    def close(self) -> None:
        """End the connection to upstream, if there is one; the client's is its owner's to close."""
        if self.upstream is not None:
            self.upstream.close()

    async def _carry_out(self, command: Command) -> Any:
        match command:
            case NeedLogin():
                assert self._logins is not None
                return await self._logins(command)
            case Compute(work):
                return await asyncio.to_thread(work)
            case Connect(login):
                self._login = login
                loop = asyncio.get_running_loop()
                self._upstream_until = loop.time() + self._timeouts.upstream
                return await self._within(Side.UPSTREAM, self._connect(login))
            case Receive(side) | Send(side) | StartTls(side):
                return await self._within(side, self._exchange(command))

    async def _exchange(self, command: Receive | Send | StartTls) -> Any:
        match command:
            case Receive(side):
                return await self._receive(side)
            case Send(side, data):
                return await self._connection(side).send(data)
            case StartTls(Side.CLIENT):
                return await self._tls_to_client(command)
            case StartTls(Side.UPSTREAM):
                return await self._tls_to_upstream(command)

    async def _within(self, side: Side, work: Awaitable[T]) -> T:
        """Do it before the side's deadline; a connection that breaks is a side that is gone."""
        until = self._client_until if side is Side.CLIENT else self._upstream_until
        try:
            async with asyncio.timeout_at(until):
                return await work
        except TimeoutError:
            raise self._too_slow(side) from None
        except OSError:
            raise Disconnected(side) from None

    def _too_slow(self, side: Side) -> Refusal:
        if side is Side.CLIENT:
            return ClientProtocolError(
                f"the client did not finish its startup within {self._timeouts.client:g} s"
            )
        return Refusal(
            Reason.UPSTREAM_UNREACHABLE,
            f"{self._upstream_name} did not answer within {self._timeouts.upstream:g} s",
        )

    def _connection(self, side: Side) -> Connection:
        connection = self._client if side is Side.CLIENT else self.upstream
        assert connection is not None
        return connection

    async def _receive(self, side: Side) -> bytes:
        data = await self._connection(side).receive()
        if not data:
            raise Disconnected(side)
        return data

    async def _connect(self, login: Login) -> None:
        self.close()
        try:
            addresses = [self._pinned] if self._pinned else await dial.resolve(login.endpoint)
            sock, self.address = await dial.connect(addresses, self._upstream_until)
        except OSError as error:
            raise Refusal(
                Reason.UPSTREAM_UNREACHABLE,
                f"{self._upstream_name} cannot be reached",
                detail=f"{login.endpoint}: {_why(error)}",
            ) from None
        self.upstream = Connection(sock)

    async def _tls_to_client(self, command: StartTls) -> Tls:
        try:
            tls = await self._connection(Side.CLIENT).start_tls(
                server_context(), server_name=None, received=command.received
            )
        except ssl.SSLError as error:
            raise Disconnected(Side.CLIENT) from error
        if command.alpn not in (None, tls.selected_alpn_protocol()):
            raise ClientProtocolError(f"direct TLS needs the ALPN protocol {command.alpn}")
        return _describe(tls, verified=False)

    async def _tls_to_upstream(self, command: StartTls) -> Tls:
        assert self._login is not None
        assert isinstance(self._login.endpoint, TcpEndpoint)
        try:
            context = client_context(self._login.tls)
            tls = await self._connection(Side.UPSTREAM).start_tls(
                context, server_name=self._login.endpoint.host, received=command.received
            )
        except (ssl.SSLError, ValueError) as error:
            raise self._untrusted(error) from None
        return _describe(tls, verified=context.verify_mode is ssl.CERT_REQUIRED)

    def _untrusted(self, error: ssl.SSLError | ValueError) -> ServerProtocolError:
        why = "TLS could not be established"
        if isinstance(error, ssl.SSLCertVerificationError):
            why = "its TLS certificate was not accepted"
        return ServerProtocolError(
            f"{self._upstream_name}: {why}",
            reason=Reason.UPSTREAM_INSECURE,
            detail=getattr(error, "verify_message", "") or str(error),
        )

    @property
    def _upstream_name(self) -> str:
        return f'upstream of role "{self._login.role}"' if self._login else "upstream"


def _why(error: OSError) -> str:
    """The system's words; asyncio has its own in `strerror`, which name the address only."""
    number = error.errno or 0
    return os.strerror(number) if number > 0 else str(error.strerror or error)  # -n: getaddrinfo's


def _describe(tls: ssl.SSLObject, *, verified: bool) -> Tls:
    return Tls(tls.version() or "", verified, tls.getpeercert(binary_form=True))

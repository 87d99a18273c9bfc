"""Runs a protocol's generator over real sockets: turns its commands into awaits.

What goes wrong with a command is thrown into the generator as a `Refusal` or `Disconnected`, so
that the protocol can word it. Each side has a deadline for all it must do until both are in.
"""

import asyncio
import logging
import os
import ssl
from collections.abc import Awaitable, Callable, Generator
from dataclasses import dataclass, replace
from secrets import token_bytes
from typing import Any, TypeVar

from protocols.api import (
    Command,
    Compute,
    Connect,
    Disconnected,
    Login,
    NeedLogin,
    Note,
    Recall,
    Receive,
    Remember,
    Send,
    Side,
    StartTls,
    TakeSpare,
    Tls,
    Wish,
)
from protocols.carried import Ask, Attach, Await, Errand
from protocols.errors import ClientProtocolError, Reason, Refusal
from proxy import dial, tls_start
from proxy.config.schema import Timeouts
from proxy.connection import Connection
from proxy.dial import Route
from proxy.memory import Memory
from proxy.tls import client_context

_NONCE_BYTES = 18
_log = logging.getLogger("keyless.driver")
T = TypeVar("T")
Logins = Callable[[NeedLogin], Awaitable[Login]]


@dataclass(frozen=True, slots=True)
class LoggedIn:
    """A connection to upstream, what a generator returned that has logged it in, and how it got
    there; the login is without credentials."""

    connection: Connection
    route: Route
    login: Login
    result: Any


Spares = Callable[[TakeSpare], LoggedIn | None]


def nonce() -> bytes:
    """The randomness that handshakes are given."""
    return token_bytes(_NONCE_BYTES)


class Driver:
    """Both connections of one session while it is being made.

    `logins` answers NeedLogin, `spares`, where it is set, TakeSpare, and `memory` knows what
    sessions before have computed. With `route`, that is the way to upstream, whatever its name
    resolves to. `login` is the one that upstream was connected to for last; once both sides are in,
    without credentials. `wish` is the client's, as far as it has said.
    """

    def __init__(
        self,
        timeouts: Timeouts,
        *,
        client: Connection | None = None,
        logins: Logins | None = None,
        memory: Memory | None = None,
        route: Route | None = None,
    ) -> None:
        self._timeouts = timeouts
        self._client = client
        self._logins = logins
        self._memory = Memory() if memory is None else memory
        self._loop = asyncio.get_running_loop()
        self._client_left = timeouts.client  # seconds; what it waits for is not its own slowness
        self._upstream_until = self._loop.time() + timeouts.upstream
        self._pinned = route
        self.spares: Spares | None = None
        self.wish = Wish()
        self.login: Login | None = None
        self.route: Route | None = None
        self.upstream: Connection | None = None

    async def run(self, generator: Generator[Command, Any, T]) -> T:
        """Drive a generator to its end, and return what it returns. Raises what it raises."""
        step, argument = generator.send, None
        while True:
            try:
                command = step(argument)
            except StopIteration as end:
                self.login = self.login and self.login.without_credentials()
                result: T = end.value
                return result
            try:
                step, argument = generator.send, await self._answer(command)
            except (Refusal, Disconnected) as fault:
                step, argument = generator.throw, fault

    async def carry(self, work: Callable[[Ask], Awaitable[T]]) -> T:
        """Do the work of a protocol that asks for what a handshake would yield."""
        try:
            return await work(self._answer)
        finally:
            self.login = self.login and self.login.without_credentials()

    def hand_over(self, result: Any) -> LoggedIn:
        """The connection that a generator has logged in, which is the caller's now."""
        assert self.upstream is not None
        assert self.route is not None
        assert self.login is not None
        return LoggedIn(self.upstream, self.route, self.login, result)

    def close(self) -> None:
        """End the connection to upstream, if there is one; the client's is its owner's to close."""
        if self.upstream is not None:
            self.upstream.close()

    async def _answer(self, errand: Errand) -> Any:
        """Raises Refusal and Disconnected, and nothing else."""
        try:
            match errand:
                case Attach(side, protocol):
                    return await self._within(side, self._attach(side, protocol))
                case Await(side, work):
                    return await self._within(side, work)
                case TakeSpare():
                    return self._take_spare(errand)
                case Note(wish):
                    self.wish = wish
                    return None
                case _:
                    return await self._carry_out(errand)
        except (Refusal, Disconnected):
            raise
        except Exception as bug:
            _log.error("this is a bug in Keyless", exc_info=bug)
            raise Refusal(Reason.INTERNAL, "the proxy failed; tell its operator") from None

    async def _attach(self, side: Side, protocol: Any) -> None:
        sock = self._connection(side).socket
        await self._loop.connect_accepted_socket(lambda: protocol, sock)

    async def _carry_out(self, command: Command) -> Any:
        match command:
            case Recall(name, secret):
                return self._memory.recall(name, secret)
            case Remember(name, secret, value):
                return self._memory.remember(name, secret, value)
            case NeedLogin(wish):
                assert self._logins is not None
                self.wish = wish
                return await self._logins(command)
            case Compute(work):
                return await asyncio.to_thread(work)
            case Connect(login):
                self.login = login
                self._upstream_until = self._loop.time() + self._timeouts.upstream
                return await self._within(Side.UPSTREAM, self._connect(login))
            case Receive(side) | Send(side) | StartTls(side):
                return await self._within(side, self._exchange(command))

    def _take_spare(self, command: TakeSpare) -> Any:
        spare = self.spares(command) if self.spares is not None else None
        if spare is None:
            return None
        self.upstream, self.route, self.login = spare.connection, spare.route, spare.login
        return spare.result

    async def _exchange(self, command: Receive | Send | StartTls) -> Any:
        match command:
            case Receive(side):
                return await self._receive(side)
            case Send(side, data):
                return await self._send(side, data)
            case StartTls(Side.CLIENT):
                return await tls_start.as_server(self._connection(Side.CLIENT), command)
            case StartTls(Side.UPSTREAM):
                return await self._start_tls_to_upstream(command)

    async def _within(self, side: Side, work: Awaitable[T]) -> T:
        """Do it in the side's time; a connection that breaks is a side that is gone."""
        begun = self._loop.time()
        until = begun + self._client_left if side is Side.CLIENT else self._upstream_until
        try:
            async with asyncio.timeout_at(until):
                return await work
        except TimeoutError:
            raise self._too_slow(side) from None
        except OSError:
            raise Disconnected(side) from None
        finally:
            if side is Side.CLIENT:  # what it takes is not upstream's time
                taken = self._loop.time() - begun
                self._client_left -= taken
                self._upstream_until += taken

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

    async def _send(self, side: Side, data: bytes) -> None:
        try:
            await self._connection(side).send(data)
        except OSError:
            if side is Side.UPSTREAM:
                await self._receive(side)  # an alert may have come that tells why
            raise

    async def _receive(self, side: Side) -> bytes:
        try:
            data = await self._connection(side).receive()
        except ssl.SSLError as error:
            if side is Side.UPSTREAM and self.login is not None:
                raise tls_start.certificate_refused(self.login, error) or error from None
            raise
        if not data:
            raise Disconnected(side)
        return data

    async def _connect(self, login: Login) -> None:
        self.close()
        try:
            pinned = self._pinned and [self._pinned.address]
            addresses = pinned or await dial.resolve(login.endpoint)
            sock, address = await dial.connect(addresses, self._upstream_until)
        except OSError as error:
            raise Refusal(
                Reason.UPSTREAM_UNREACHABLE,
                f"{self._upstream_name} cannot be reached",
                detail=f"{login.endpoint}: {_why(error)}",
            ) from None
        self.upstream = Connection(sock)
        self.route = Route(address)

    async def _start_tls_to_upstream(self, command: StartTls) -> Tls:
        assert self.login is not None
        assert self.route is not None
        with tls_start.told_to_the_operator(self.login):
            pinned = self._pinned and self._pinned.tls
            context = pinned or client_context(self.login.tls, self._memory)
            upstream = self._connection(Side.UPSTREAM)
            tls = await tls_start.as_client(upstream, command, self.login, context)
        self.route = replace(self.route, tls=context)
        return tls

    @property
    def _upstream_name(self) -> str:
        return f'upstream of role "{self.login.role}"' if self.login else "upstream"


def _why(error: OSError) -> str:
    """The system's words; asyncio has its own in `strerror`, which name the address only."""
    number = error.errno or 0
    return os.strerror(number) if number > 0 else str(error.strerror or error)  # -n: getaddrinfo's

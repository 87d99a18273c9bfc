"""A proxy around one server for the tests of tap and gate: real clients on one side, and everything
it tells the audit on the other.

Each session is made and relayed as by `proxy.session`, without its access and its files.
"""

import asyncio
import socket
import threading
from typing import Any, Self

from protocols.api import Event, Flow, NeedLogin, TcpEndpoint, TlsMode, TlsPolicy
from protocols.errors import Refusal
from protocols.mysql.compressed_gate import gate
from protocols.mysql.handshake import handshake
from protocols.mysql.login import MysqlLogin, MysqlOptions
from protocols.mysql.tap import MysqlTap
from proxy.config.schema import Timeouts
from proxy.connection import Connection
from proxy.driver import Driver, nonce
from proxy.hindsight import Hindsight
from proxy.legs import leg
from proxy.observer import Observer
from proxy.readiness import readiness
from proxy.relay import Relay
from proxy.tls import server_context
from tests.secrecy import CANARY

ROLE = "shop"


class Proxied:
    """A context manager that serves one role at `port`; `events` is what its sessions told."""

    def __init__(self, server_port: int, user: str, **options: Any) -> None:
        self.events: list[Event] = []
        self.faults: list[Refusal] = []
        self.port = 0
        self._login = MysqlLogin(
            role=ROLE,
            endpoint=TcpEndpoint("127.0.0.1", server_port),
            tls=TlsPolicy(TlsMode.DISABLE),
            user=user,
            password=CANARY,
            database=options.pop("database", None),
            options=MysqlOptions(allow_public_key_retrieval=True, **options),
        )
        self._loop = asyncio.new_event_loop()
        self._own_tls = server_context()
        self._thread = threading.Thread(target=self._loop.run_forever, name="proxied", daemon=True)
        self._sessions: set[asyncio.Task[None]] = set()

    def __enter__(self) -> Self:
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._open(), self._loop).result()
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _open(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.setblocking(False)
        self.port = self._listener.getsockname()[1]
        self._accepting = self._loop.create_task(self._accept())

    async def _accept(self) -> None:
        while True:
            accepted, _ = await self._loop.sock_accept(self._listener)
            session = self._loop.create_task(self._serve(Connection(accepted, self._own_tls)))
            self._sessions.add(session)

    async def _close(self) -> None:
        self._accepting.cancel()
        self._listener.close()
        await asyncio.wait([self._accepting, *self._sessions], timeout=5)

    async def _serve(self, client: Connection) -> None:
        driver = Driver(Timeouts(), client=client, logins=self._log_in)
        try:
            flow = await driver.run(handshake(nonce))
            assert isinstance(flow, Flow)
            await self._relay(client, driver, flow)
        except Refusal as refusal:
            self.faults.append(refusal)
        finally:
            client.close()
            driver.close()

    async def _log_in(self, need: NeedLogin) -> MysqlLogin:
        if need.rejected is not None:
            raise need.rejected
        return self._login

    async def _relay(self, client: Connection, driver: Driver, flow: Flow) -> None:
        login = self._login.without_credentials()
        assert driver.upstream is not None
        hindsight = Hindsight()
        tap = MysqlTap(self.events.append, hindsight.clock, login, flow)
        ready = readiness()
        legs = leg(client, ready), leg(driver.upstream, ready)
        relay = Relay(legs, Observer(tap, hindsight), gate(login, flow, tap), ROLE, lambda: True)
        try:
            await relay.run(flow)
        finally:
            tap.close()

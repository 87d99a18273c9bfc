"""A wire-tap between a client and the proxy: what the client receives is also written to a file.

It changes nothing, keeps half-closed connections half-closed, and runs in a thread of its own, so
that it also serves tests that wait for a client program. What it records over TLS is encrypted:
the secrecy guard can read it only where client and proxy speak in plain.
"""

import asyncio
import threading
from io import RawIOBase
from itertools import count
from pathlib import Path
from typing import Self

_CHUNK = 1 << 16


class Recorder:
    """A context manager that listens on 127.0.0.1 at `port`, or at `path`, for `target`.

    A target is a (host, port) or the path of a Unix socket. Each connection has its own file in
    `directory`, named after `name`, so that no two answers are mixed.
    """

    def __init__(
        self,
        target: tuple[str, int] | Path,
        directory: Path,
        name: str,
        *,
        path: Path | None = None,
    ) -> None:
        self._target = target
        self._path = path
        self._files = (directory / f"{name}-{number}.received" for number in count(1))
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="recorder", daemon=True)
        self._connections: set[asyncio.Task[None]] = set()
        self.port = 0

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
        if self._path is not None:
            self._server = await asyncio.start_unix_server(self._forward, self._path)
        else:
            self._server = await asyncio.start_server(self._forward, "127.0.0.1", 0)
            self.port = self._server.sockets[0].getsockname()[1]

    async def _close(self) -> None:
        self._server.close()
        for connection in self._connections:
            connection.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    async def _forward(self, client: asyncio.StreamReader, to_client: asyncio.StreamWriter) -> None:
        connection = asyncio.current_task()
        assert connection is not None
        self._connections.add(connection)
        try:
            await self._relay(client, to_client)
        except* ConnectionError:
            pass  # either side may hang up or refuse; the other one learns it below
        finally:
            to_client.close()
            self._connections.discard(connection)

    async def _relay(self, client: asyncio.StreamReader, to_client: asyncio.StreamWriter) -> None:
        upstream, to_upstream = await self._connect()
        try:
            with next(self._files).open("xb", buffering=0) as record:
                async with asyncio.TaskGroup() as both:
                    both.create_task(_pass_on(client, to_upstream))
                    both.create_task(_pass_on(upstream, to_client, record))
        finally:
            to_upstream.close()

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if isinstance(self._target, Path):
            return await asyncio.open_unix_connection(self._target)
        return await asyncio.open_connection(*self._target)


async def _pass_on(
    source: asyncio.StreamReader, target: asyncio.StreamWriter, record: RawIOBase | None = None
) -> None:
    while chunk := await source.read(_CHUNK):
        if record is not None:
            record.write(chunk)
        target.write(chunk)
        await target.drain()
    target.write_eof()

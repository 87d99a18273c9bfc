"""The way to a provider that is restarted in the middle of a storm.

The test's providers keep all in their memory, and real ones do not. So the door is shut, which
looks like a server that is not there, until the restarted one has its secrets again.
"""

import asyncio
from contextlib import suppress


class Door:
    """Forwards 127.0.0.1:`port` to `target` while it is open."""

    def __init__(self, port: int, target: int) -> None:
        self.port = port
        self._target = target
        self._visits: dict[asyncio.Task[None], asyncio.StreamWriter] = {}

    async def open(self) -> None:
        self._server = await asyncio.start_server(self._visit, "127.0.0.1", self.port)

    async def shut(self) -> None:
        """Nobody comes in, and who is in is thrown out."""
        self._server.close()
        for writer in self._visits.values():
            writer.transport.abort()
        await asyncio.gather(*self._visits)

    async def _visit(self, client: asyncio.StreamReader, to_client: asyncio.StreamWriter) -> None:
        visit = asyncio.current_task()
        assert visit is not None
        self._visits[visit] = to_client
        with suppress(OSError):
            server, to_server = await asyncio.open_connection("127.0.0.1", self._target)
            await asyncio.gather(_pass_on(client, to_server), _pass_on(server, to_client))
        to_client.close()
        del self._visits[visit]


async def _pass_on(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await source.read(1 << 16):
            target.write(data)
            await target.drain()
    target.close()

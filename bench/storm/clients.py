"""Clients that connect again and again: each logs in, asks for one row, and leaves.

They are a real driver and know nothing of rotations: what fails here would fail for a user.
"""

import asyncio
import time
from dataclasses import dataclass

import asyncpg

_NO_FILE = "/nonexistent/pgpass"


@dataclass(frozen=True, slots=True)
class Connect:
    """One try: the seconds until it was in or refused, and the sentence of its failure."""

    seconds: float
    failure: str = ""


async def connect_until(
    end: float, place: tuple[str, int], role: str, clients: int
) -> list[Connect]:
    """What became of every try of so many clients until `end`, in monotonic seconds."""
    runs = (_one_client(end, place, role) for _ in range(clients))
    return [connect for run in await asyncio.gather(*runs) for connect in run]


async def _one_client(end: float, place: tuple[str, int], role: str) -> list[Connect]:
    connects = []
    while time.monotonic() < end:
        connects.append(await _connect(place, role))
    return connects


async def _connect(place: tuple[str, int], role: str) -> Connect:
    begun = time.monotonic()
    try:
        session = await asyncpg.connect(
            host=place[0], port=place[1], user=role, passfile=_NO_FILE, ssl=False
        )
        seconds = time.monotonic() - begun
        try:
            assert await session.fetchval("SELECT 1") == 1
        finally:
            await session.close()
    except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError) as error:
        return Connect(time.monotonic() - begun, _sentence(error))
    return Connect(seconds)


def _sentence(error: Exception) -> str:
    if isinstance(error, asyncpg.PostgresError):
        return f"{error.sqlstate} {error}"
    return f"{type(error).__name__}: {error}"

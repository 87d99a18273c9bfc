"""Clients that connect again and again: each logs in, asks for one row, and leaves.

They are real drivers and know nothing of rotations: what fails here would fail for a user.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from types import MappingProxyType

import asyncpg
import pymysql

_NO_FILE = "/nonexistent/pgpass"


@dataclass(frozen=True, slots=True)
class Connect:
    """One try: the seconds until it was in or refused, and the sentence of its failure."""

    seconds: float
    failure: str = ""


async def connect_until(
    end: float, place: tuple[str, int], role: str, clients: int, *, kind: str = "postgres"
) -> list[Connect]:
    """What became of every try of so many clients until `end`, in monotonic seconds."""
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(clients + 4))
    runs = (_one_client(end, place, role, _KINDS[kind]) for _ in range(clients))
    return [connect for run in await asyncio.gather(*runs) for connect in run]


async def _one_client(
    end: float, place: tuple[str, int], role: str, connect: "_Connecting"
) -> list[Connect]:
    connects = []
    while time.monotonic() < end:
        connects.append(await connect(place, role))
    return connects


async def _connect_postgres(place: tuple[str, int], role: str) -> Connect:
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


async def _connect_mysql(place: tuple[str, int], role: str) -> Connect:
    return await asyncio.to_thread(_ask_mysql, place, role)


def _ask_mysql(place: tuple[str, int], role: str) -> Connect:
    begun = time.monotonic()
    try:
        session = pymysql.connect(host=place[0], port=place[1], user=role, ssl_disabled=True)
        seconds = time.monotonic() - begun
        with closing(session), session.cursor() as cursor:
            cursor.execute("SELECT 1")
            assert cursor.fetchall() == ((1,),)
    except (pymysql.MySQLError, OSError) as error:
        return Connect(time.monotonic() - begun, _sentence(error))
    return Connect(seconds)


def _sentence(error: Exception) -> str:
    if isinstance(error, asyncpg.PostgresError):
        return f"{error.sqlstate} {error}"
    return f"{type(error).__name__}: {error}"


_Connecting = Callable[[tuple[str, int], str], Awaitable[Connect]]
_KINDS: Mapping[str, _Connecting] = MappingProxyType(
    {"postgres": _connect_postgres, "mysql": _connect_mysql}
)

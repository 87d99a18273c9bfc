"""The sessions that are recorded of drivers, as they use the protocol."""

import asyncio
import threading
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import UTC, date, datetime
from decimal import Decimal
from uuid import UUID

import asyncpg
import psycopg

from tests.fuzz.postgres.sessions import USER, Place


def _psycopg(place: Place) -> psycopg.Connection[tuple[object, ...]]:
    host, port = place
    settings = {"user": USER, "dbname": "postgres", "sslmode": "disable", "gssencmode": "disable"}
    return psycopg.connect(host=host, port=port, autocommit=True, **settings)  # type: ignore[arg-type]


def _asyncpg(place: Place, run: Callable[[asyncpg.Connection], Awaitable[None]]) -> None:
    async def connected() -> None:
        host, port = place
        connection = await asyncpg.connect(
            host=host, port=port, user=USER, database="postgres", ssl=False
        )
        await run(connection)
        await connection.close()

    asyncio.run(connected())


def extended_by_psycopg(place: Place) -> None:
    with _psycopg(place) as connection:
        connection.execute("CREATE TEMP TABLE t (a int, b text)")
        for number in range(3):
            connection.execute("INSERT INTO t VALUES (%s, %s)", (number, "text"), prepare=True)
        with suppress(psycopg.Error):
            connection.execute("SELECT %s::int / %s", (1, 0))
        connection.execute("SELECT * FROM t WHERE a > %s", (0,), binary=True).fetchall()
        with connection.transaction(), connection.cursor("named") as cursor:
            cursor.execute("SELECT * FROM t")
            cursor.fetchmany(2)


def pipelines_by_psycopg(place: Place) -> None:
    with _psycopg(place) as connection:
        with connection.pipeline() as pipeline:
            for number in range(4):
                connection.execute("SELECT %s", (number,))
            pipeline.sync()
            connection.execute("SELECT 'after'")
        with suppress(psycopg.Error), connection.pipeline():
            connection.execute("SELECT 1")
            connection.execute("SELECT 1/0")
            connection.execute("SELECT 'skipped'")


def cursors_by_asyncpg(place: Place) -> None:
    async def run(connection: asyncpg.Connection) -> None:
        async with connection.transaction():
            async for _ in connection.cursor("SELECT generate_series(1, 7)", prefetch=3):
                pass
        statement = await connection.prepare("SELECT $1::int + 1")
        await statement.fetchval(1)
        await connection.executemany("SELECT $1::int", [(1,), (2,)])

    _asyncpg(place, run)


def parameters_by_asyncpg(place: Place) -> None:
    """In binary, of every type whose format the audit knows."""
    values: dict[str, object] = {
        "int2": 1,
        "int4": -2,
        "int8": 1 << 40,
        "oid": 26,
        "float4": 1.5,
        "float8": 0.1,
        "numeric": Decimal("-12345.678"),
        "bool": True,
        "text": "words",
        "bytea": b"\0\xff",
        "date": date(2026, 11, 23),
        "uuid": UUID(int=7),
        "json": "{}",
        "jsonb": '{"a": 1}',
        "timestamp": datetime(2026, 11, 23, 1, 2, 3, 4_000),
        "timestamptz": datetime(1999, 12, 31, tzinfo=UTC),
        "int4[]": [1, None, 3],
        "text[]": ["a", "b c", 'd"e'],
    }
    casts = ", ".join(f"${number}::{name}" for number, name in enumerate(values, 1))

    async def run(connection: asyncpg.Connection) -> None:
        await connection.fetch(f"SELECT {casts}", *values.values())
        await connection.fetch(f"SELECT {casts}", *[None] * len(values))

    _asyncpg(place, run)


def copy_by_psycopg(place: Place) -> None:
    with _psycopg(place) as connection, connection.cursor() as cursor:
        cursor.execute("CREATE TEMP TABLE t (a int)")
        with cursor.copy("COPY t FROM STDIN (FORMAT binary)") as copy:
            copy.set_types(["int4"])
            copy.write_row((1,))
        with suppress(psycopg.Error), cursor.copy("COPY t FROM STDIN") as copy:
            copy.write(b"1\n")
            raise psycopg.DataError("changed its mind")
        with cursor.copy("COPY t TO STDOUT") as copy:
            list(copy)


def cancelled(place: Place) -> None:
    with _psycopg(place) as connection:
        timer = threading.Timer(0.3, connection.cancel_safe)
        timer.start()
        with suppress(psycopg.errors.QueryCanceled):
            connection.execute("SELECT pg_sleep(60)")
        timer.join()
        connection.execute("SELECT 1")

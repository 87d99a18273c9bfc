"""A tap beside a real server: everything is sent in one go, ahead of any answer, so that the server
alone decides what it skips and ignores.
"""

import struct

from proxy.demo.postgres import EmbeddedPostgres
from tests.protocols.postgres.queries import Watched, query
from tests.wire import Wire

Told = tuple[str, tuple[str, ...], int, int, str | None]
"""A statement's text, commands, rows, copied bytes and SQLSTATE."""

_LAST = query("SELECT 'last'")
LAST_TOLD: Told = ("SELECT 'last'", ("SELECT 1",), 1, 0, None)


def raw_message(wire: Wire) -> bytes:
    header = wire.read(5)
    return header + wire.read(struct.unpack_from(">i", header, 1)[0] - 4)


_TABLES = """
CREATE TEMP TABLE copied (n int);
CREATE TEMP TABLE once (n int UNIQUE DEFERRABLE INITIALLY DEFERRED);
CREATE TEMP TABLE guarded (n int);
CREATE FUNCTION pg_temp.guard() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE ''no''; END';
CREATE TRIGGER guard BEFORE INSERT ON guarded EXECUTE FUNCTION pg_temp.guard();
"""


def watch(server: EmbeddedPostgres, asked: bytes, *, parameters: bool = False) -> Watched:
    """Say all this and a last query to a server, beside a tap."""
    watched = Watched(parameters=parameters)
    with Wire(("127.0.0.1", server.port)) as wire:
        wire.log_in("trust_user", database="app")
        wire.query(_TABLES)
        wire.send(asked + _LAST)
        watched.client(asked + _LAST)
        last = b"\0\1\0\0\0\4last"
        while (answer := raw_message(wire))[5:] != last:
            watched.upstream(answer)
        watched.upstream(answer + raw_message(wire) + raw_message(wire))
    assert not watched.tap.busy
    watched.tap.close()
    return watched


def converse(server: EmbeddedPostgres, asked: bytes) -> list[Told]:
    """What the tap tells of it, without how long it took."""
    events = watch(server, asked).events
    return [(e.statement, e.commands, e.rows, e.copied_bytes, e.sqlstate) for e in events]

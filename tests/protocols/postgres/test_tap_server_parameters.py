"""Parameters and binary values beside a real server, which prints them itself."""

import struct

import pytest

from protocols.postgres.values import in_text
from proxy.demo.postgres import EmbeddedPostgres
from tests.protocols.postgres.beside_server import watch
from tests.protocols.postgres.queries import (
    SYNC,
    bind_to,
    describe,
    execute,
    message,
    parse,
    values,
)
from tests.wire import Wire

_VALUES = [
    ("bool", "true"),
    ("int2", "-7"),
    ("int4", "2147483647"),
    ("int8", "'-9223372036854775808'"),
    ("oid", "4294967295"),
    ("float4", "0.1"),
    ("float4", "'-Infinity'"),
    ("float8", "12345.678"),
    ("float8", "'NaN'"),
    ("text", "'caf\u00e9'"),
    ("varchar", "''"),
    ("bpchar", "'x '"),
    ("name", "'a name'"),
    ('"char"', "'c'"),
    ("json", "'{\"a\": [1]}'"),
    ("jsonb", "'{\"a\": [1]}'"),
    ("uuid", "'6ecd8c99-4036-403d-bf84-cf8400f67836'"),
    ("bytea", "'\\x00ff'"),
    ("date", "'1999-12-31'"),
    ("date", "'infinity'"),
    ("timestamp", "'2024-02-29 12:34:56.789'"),
    ("timestamp", "'-infinity'"),
    ("timestamptz", "'1987-06-05 04:03:02.000001+00'"),
    ("numeric", "0"),
    ("numeric", "-12345678901234567890.0012300"),
    ("numeric", "1e20"),
    ("numeric", "0.000000012345"),
    ("numeric", "'NaN'"),
    ("int4[]", "'{1,NULL,3}'"),
    ("int8[]", "'{}'"),
    ("text[]", "ARRAY['a', 'b c', '', 'null', 'q\"\\', NULL]"),
    ("bool[]", "'{t,f}'"),
    ("numeric[]", "'{1.50}'"),
    ("timestamptz[]", "'{2000-01-01 00:00:00+00}'"),
]


@pytest.mark.parametrize(("kind", "value"), _VALUES)
def test_a_binary_value_reads_as_the_server_prints_it(
    latest_postgres: EmbeddedPostgres, kind: str, value: str
) -> None:
    with Wire(("127.0.0.1", latest_postgres.port)) as wire:
        wire.log_in("trust_user", database="app", TimeZone="UTC")
        (printed,) = wire.query(f"SELECT {value}::{kind}")
        (oid,) = wire.query(f"SELECT pg_typeof({value}::{kind})::oid")
        binary = message(b"B", bytes(2) + bytes(4) + struct.pack(">hh", 1, 1))
        wire.send(parse(f"SELECT {value}::{kind}") + binary + execute() + SYNC)
        (data,) = (body[6:] for name, body in wire.until(b"Z") if name == b"D")
    assert in_text(data, int(oid)) == printed.decode()


def test_parameters(latest_postgres: EmbeddedPostgres) -> None:
    """Described by the server: nobody else says that $1 is a number."""
    sql = "SELECT generate_series(1, $1), $2::text"
    three, two = struct.pack(">i", 3), struct.pack(">i", 2)
    asked = parse(sql, b"s") + describe(b"S", b"s")
    asked += bind_to(three, b"x", formats=(1,), statement=b"s") + execute() + SYNC
    asked += bind_to(two, None, formats=(1, 0), statement=b"s") + execute(b"", 1) * 3 + SYNC
    asked += bind_to(b"none", b"x", statement=b"s") + execute() + SYNC
    asked += message(b"F", struct.pack(">I", 1598) + values(()) + bytes(2))
    asked += message(b"F", struct.pack(">I", 2_308) + values((1,), b"\0" * 8) + bytes(2))
    events = watch(latest_postgres, asked, parameters=True).events
    assert [(e.parameters, e.rows, e.sqlstate) for e in events] == [
        (("3", "x"), 3, None),
        (("2", None), 2, None),
        (("none", "x"), 0, "22P02"),
        ((), 0, None),
        (("\\x0000000000000000",), 0, None),
        (None, 1, None),
    ]

"""The gate: what goes on of a client's messages, however they were cut."""

import struct

import pytest

from protocols.api import Flow, TcpEndpoint, TlsMode, TlsPolicy
from protocols.errors import ClientProtocolError
from protocols.postgres.gate import PostgresGate, make_gate
from protocols.postgres.login import PostgresLogin, PostgresOptions
from tests.secrecy import CANARY
from tests.wire import message, query

_REFUSED = "ALTER ROLE app PASSWORD 'secret'"
_INSTEAD = (
    "DO $keyless$ BEGIN RAISE insufficient_privilege USING MESSAGE = "
    "'role \"app\" does not allow setting passwords'; END $keyless$"
)
_TOO_LONG = _INSTEAD.replace("setting passwords", "statements too long to be judged")


def _parse(name: str, statement: str, *types: int) -> bytes:
    body = f"{name}\0{statement}\0".encode() + struct.pack(f">h{len(types)}i", len(types), *types)
    return message(b"P", body)


def _through(data: bytes, cut: int) -> bytes:
    gate = PostgresGate("app", ("password-change",))
    pieces = [data[at : at + cut] for at in range(0, len(data), cut)]
    return b"".join(gate.client_sent(memoryview(piece)) for piece in pieces)


@pytest.mark.parametrize(
    "data",
    [
        query("SELECT 1"),
        query(""),
        message(b"Q", b""),
        message(b"P", b"no terminator"),
        _parse("s", "SELECT $1", 23) + message(b"B", bytes(10)) + message(b"E", bytes(5)),
        message(b"d", b"Q" * 100) + message(b"c") + message(b"S"),
        message(b"d", query(_REFUSED)),
        message(b"X"),
    ],
)
def test_what_is_not_refused_goes_on_as_it_came(cut: int, data: bytes) -> None:
    assert _through(data, cut) == data


def test_a_refused_query_goes_on_as_one_that_fails(cut: int) -> None:
    data = query("SELECT 1") + query(_REFUSED) + query("SELECT 2")
    assert _through(data, cut) == query("SELECT 1") + query(_INSTEAD) + query("SELECT 2")


def test_a_refused_statement_keeps_its_name(cut: int) -> None:
    data = _parse("s1", _REFUSED, 25) + message(b"S")
    assert _through(data, cut) == _parse("s1", _INSTEAD) + message(b"S")


def test_a_statement_too_long_to_be_judged_is_refused() -> None:
    data = query("SELECT '" + "x" * (1 << 20) + "'") + query("SELECT 2")
    assert _through(data, 65_536) == query(_TOO_LONG) + query("SELECT 2")


def test_a_length_that_is_none(cut: int) -> None:
    with pytest.raises(ClientProtocolError, match="invalid message length"):
        _through(b"Q\0\0\0\3", cut)


def test_upstream_is_not_touched() -> None:
    chunk = memoryview(query(_REFUSED))
    assert PostgresGate("app", ("password-change",)).upstream_sent(chunk) is chunk


def test_a_role_that_refuses_nothing_has_no_gate() -> None:
    flow = Flow(b"", b"", None, {})
    login = PostgresLogin(
        role="app",
        endpoint=TcpEndpoint("db", 5432),
        tls=TlsPolicy(TlsMode.DISABLE),
        user="app",
        password=CANARY,
        options=PostgresOptions(),
    )
    assert make_gate(login, flow, None) is None  # type: ignore[arg-type]  # it asks no tap

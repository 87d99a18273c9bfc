"""The probe over scripted bytes, and how the client programs are called."""

import pytest

from protocols.api import Side, TcpEndpoint, UnixEndpoint
from protocols.errors import ServerProtocolError, UpstreamRefused
from protocols.mysql.client import mysql, probe
from protocols.mysql.handshake import handshake
from tests.protocols.mysql.server import (
    FULL,
    NATIVE,
    PLUGIN_AUTH,
    PROTOCOL_41,
    QUIT,
    SECURE_CONNECTION,
    SHA2,
    Script,
    error,
    greeting,
    nonce,
    numbered,
    ok,
    packet,
    response,
    role,
    switch,
)

_HELLO = packet(0, greeting())
_FLAGS = PROTOCOL_41 | SECURE_CONNECTION | PLUGIN_AUTH


def _probe(*turns: bytes, cut: int = 1 << 20) -> Script:
    script = Script(servers=[turns], cut=cut)
    script.connect()
    script.run(probe("app"))
    return script


def test_the_probe_looks_and_leaves(cut: int) -> None:
    script = _probe(_HELLO, packet(2, ok()), cut=cut)
    said = packet(1, response("app", capabilities=_FLAGS))
    assert script.said(Side.UPSTREAM) == [said, QUIT]


def test_the_probe_is_let_in_by_the_handshake() -> None:
    said = packet(1, response("app", capabilities=_FLAGS))
    server = [_HELLO, numbered(2, b"\1\3", ok())]
    script = Script([said], servers=[server], logins=[role()])
    script.run(handshake(nonce))
    assert script.said(Side.CLIENT)[-1] == packet(2, ok())


@pytest.mark.parametrize(
    "turns",
    [
        [packet(0, error(1045, 'role "app" does not exist', None))],
        [_HELLO, packet(2, error(1045, 'role "app" does not exist', "28000"))],
    ],
)
def test_the_probe_tells_what_it_was_told(cut: int, turns: list[bytes]) -> None:
    with pytest.raises(UpstreamRefused, match=r'^role "app" does not exist$') as caught:
        _probe(*turns, cut=cut)
    assert caught.value.code == "1045"


@pytest.mark.parametrize("turns", [[], [_HELLO], [_HELLO[:9]]])
def test_a_proxy_may_leave_without_a_word(turns: list[bytes]) -> None:
    with pytest.raises(ServerProtocolError, match="without a word"):
        _probe(*turns)


@pytest.mark.parametrize("answer", [FULL, switch(NATIVE)])
def test_who_asks_for_a_credential_is_not_keyless(answer: bytes) -> None:
    with pytest.raises(ServerProtocolError, match="asks for a credential"):
        _probe(_HELLO, packet(2, answer))


def test_what_is_no_packet_is_told() -> None:
    with pytest.raises(ServerProtocolError, match="does not speak MySQL's protocol"):
        _probe(b"HTTP/1.1 400 Bad Request\r\n")
    with pytest.raises(ServerProtocolError, match="does not speak MySQL's protocol"):
        _probe(packet(0, b"\xff\1"))


def test_mysql_is_told_where_to_go_and_as_whom() -> None:
    program = mysql(TcpEndpoint("localhost", 3307), "app", "shop")
    assert program.arguments == (
        "mysql",
        "--protocol=TCP",
        "--host=localhost",
        "--port=3307",
        "--user=app",
        "--skip-password",
        "--database=shop",
    )
    assert program.environment == {}
    assert "mariadb-client" in program.hint


def test_mysql_is_told_a_sockets_path_and_no_database_where_none_is_known() -> None:
    program = mysql(UnixEndpoint("/run/app.sock"), "app", None)
    place = ("--protocol=SOCKET", "--socket=/run/app.sock")
    assert program.arguments == ("mysql", *place, "--user=app", "--skip-password")
    assert SHA2 not in program.arguments

"""TLS to upstream: asked for, insisted on, or gone without, as each SSLMODE says."""

import struct

import pytest

from protocols.api import StartTls, TlsMode, UnixEndpoint
from protocols.errors import Reason, Refusal, ServerProtocolError
from protocols.postgres.log_in import log_in
from protocols.postgres.login import PostgresLogin
from protocols.postgres.messages import StartupMessage
from protocols.postgres.session import Session
from tests.protocols.postgres.server import GREETINGS, OK, error, nonce, role
from tests.protocols.script import Script

_STARTUP = StartupMessage((3, 0), {"user": "somebody", "database": "shop"})
_SSL = struct.pack(">ii", 8, 80877103)
_TRUST = OK + GREETINGS


def _log_in(script: Script, login: PostgresLogin) -> Session:
    return script.run(log_in(login, _STARTUP, nonce))


@pytest.mark.parametrize(
    ("mode", "turns", "asks", "tls"),
    [
        (TlsMode.DISABLE, [_TRUST], False, "none"),
        (TlsMode.ALLOW, [_TRUST], False, "none"),
        (TlsMode.PREFER, [b"N", _TRUST], True, "none"),
        (TlsMode.PREFER, [b"S", _TRUST], True, "TLSv1.3"),
        (TlsMode.REQUIRE, [b"S", _TRUST], True, "TLSv1.3"),
        (TlsMode.VERIFY_CA, [b"S", _TRUST], True, "TLSv1.3"),
        (TlsMode.VERIFY_FULL, [b"S", _TRUST], True, "TLSv1.3"),
    ],
)
def test_tls_is_asked_for_as_the_role_wants(
    cut: int, mode: TlsMode, turns: list[bytes], asks: bool, tls: str
) -> None:
    script = Script(servers=[turns], cut=cut)
    assert _log_in(script, role(mode, "none")).facts["tls"] == tls
    assert script.upstream.received == (_SSL if asks else b"") + _STARTUP.encode()
    started = [c for c in script.commands if isinstance(c, StartTls)]
    assert len(started) == (tls != "none")
    assert all(c.received == b"" and c.alpn is None for c in started)


def test_a_unix_socket_needs_no_tls(cut: int) -> None:
    login = role(TlsMode.VERIFY_FULL, "none", endpoint=UnixEndpoint("/run/.s.PGSQL.5432"))
    script = Script(servers=[[_TRUST]], cut=cut)
    assert _log_in(script, login).facts["tls"] == "none"
    assert script.upstream.received == _STARTUP.encode()


@pytest.mark.parametrize("mode", [TlsMode.REQUIRE, TlsMode.VERIFY_CA, TlsMode.VERIFY_FULL])
def test_a_server_without_tls_is_left_where_the_role_demands_it(cut: int, mode: TlsMode) -> None:
    script = Script(servers=[[b"N", _TRUST]], cut=cut)
    with pytest.raises(ServerProtocolError, match=f"SSLMODE {mode.value}") as caught:
        _log_in(script, role(mode, "none"))
    assert caught.value.reason is Reason.UPSTREAM_INSECURE
    assert script.upstream.received == _SSL


@pytest.mark.parametrize("mode", [TlsMode.PREFER, TlsMode.REQUIRE, TlsMode.VERIFY_FULL])
@pytest.mark.parametrize(
    "answer",
    [error("28000", "visit evil.example and log in there"), b"E", b"s", b"\0", b"H", b"\x15\x03"],
)
def test_nothing_a_server_says_before_tls_is_repeated(
    cut: int, mode: TlsMode, answer: bytes
) -> None:
    with pytest.raises(ServerProtocolError, match="does not speak PostgreSQL") as caught:
        _log_in(Script(servers=[[answer]], cut=cut), role(mode, "none"))
    assert "evil" not in f"{caught.value} {caught.value.detail}"


@pytest.mark.parametrize("injected", [_TRUST, b"x", b"S"])
def test_data_sent_before_tls_is_never_taken_for_data_under_tls(injected: bytes) -> None:
    login = role(TlsMode.VERIFY_FULL, "none")
    script = Script(servers=[[b"S" + injected]])
    with pytest.raises(ServerProtocolError, match="unencrypted data after it agreed to TLS"):
        _log_in(script, login)
    later = Script(servers=[[b"S" + injected]], cut=1)
    with pytest.raises(Refusal, match="closed the connection during the login"):
        _log_in(later, login)
    for sent in (script.upstream.received, later.upstream.received):
        assert sent == _SSL

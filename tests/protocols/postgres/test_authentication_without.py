"""Logins without a password: by our certificate, or because the server lets everybody in."""

from dataclasses import replace

import pytest

from protocols.api import TlsMode, TlsPolicy
from protocols.errors import Reason, ServerProtocolError
from protocols.postgres.log_in import log_in
from protocols.postgres.login import PostgresLogin
from protocols.postgres.messages import StartupMessage
from tests.protocols.postgres.server import (
    ACCOUNT,
    GREETINGS,
    OK,
    ScramServer,
    authentication,
    nonce,
    role,
)
from tests.protocols.script import UNVERIFIED, VERIFIED, Script

_STARTUP = StartupMessage((3, 0), {"user": ACCOUNT})
_LET_IN = OK + GREETINGS


def _login(mode: TlsMode, *methods: str, certificate: bool = True) -> PostgresLogin:
    pair = ("certificate", "key") if certificate else (None, None)
    return replace(role(mode, *methods), tls=TlsPolicy(mode, None, *pair))


def _method(script: Script, login: PostgresLogin) -> str:
    return script.run(log_in(login, _STARTUP, nonce)).facts["method"]


@pytest.mark.parametrize(
    ("methods", "method"),
    [
        (("cert",), "cert"),
        (("scram-sha-256", "cert"), "cert"),
        (("cert", "none"), "cert"),
        (("none",), "none"),
    ],
)
def test_a_server_that_has_proven_itself_may_let_us_in_by_certificate(
    cut: int, methods: tuple[str, ...], method: str
) -> None:
    script = Script(servers=[[b"S", _LET_IN]], cut=cut, tls=VERIFIED)
    assert _method(script, _login(TlsMode.VERIFY_FULL, *methods)) == method


@pytest.mark.parametrize(
    ("mode", "turns"),
    [
        (TlsMode.REQUIRE, [b"S", _LET_IN]),
        (TlsMode.PREFER, [b"S", _LET_IN]),
        (TlsMode.PREFER, [b"N", _LET_IN]),
        (TlsMode.ALLOW, [_LET_IN]),
        (TlsMode.DISABLE, [_LET_IN]),
    ],
)
def test_any_other_server_could_say_ok_as_well(cut: int, mode: TlsMode, turns: list[bytes]) -> None:
    with pytest.raises(ServerProtocolError) as caught:
        _method(Script(servers=[turns], cut=cut, tls=UNVERIFIED), _login(mode, "cert"))
    assert caught.value.reason is Reason.UPSTREAM_INSECURE
    assert str(caught.value) == (
        'upstream of role "app" lets us in without a password over a connection that is not '
        "verified TLS; set SSLMODE to verify-full"
    )
    script = Script(servers=[turns], cut=cut, tls=UNVERIFIED)
    assert _method(script, _login(mode, "cert", "none")) == "none"


@pytest.mark.parametrize("methods", [("scram-sha-256",), ("scram-sha-256", "cert")])
def test_who_showed_no_certificate_was_not_let_in_by_it(cut: int, methods: tuple[str, ...]) -> None:
    script = Script(servers=[[b"S", _LET_IN]], cut=cut, tls=VERIFIED)
    with pytest.raises(ServerProtocolError, match="lets anybody in without a password"):
        _method(script, _login(TlsMode.VERIFY_FULL, *methods, certificate=False))


def test_a_certificate_is_no_password_where_the_role_says_so(cut: int) -> None:
    script = Script(servers=[[b"S", _LET_IN]], cut=cut, tls=VERIFIED)
    with pytest.raises(ServerProtocolError, match="set REQUIRE_AUTH to none to allow it"):
        _method(script, _login(TlsMode.VERIFY_FULL, "scram-sha-256"))


def test_a_certificate_and_a_password(cut: int) -> None:
    script = Script(servers=[[b"S", *ScramServer().turns]], cut=cut, tls=VERIFIED)
    login = _login(TlsMode.VERIFY_FULL, "scram-sha-256", "cert")
    assert _method(script, login) == "scram-sha-256"


@pytest.mark.parametrize(
    ("demand", "asks"),
    [
        (authentication(3), "asks for the password in clear text"),
        (authentication(5, b"salt"), "asks for an md5 password"),
        (authentication(10, b"SCRAM-SHA-256\0\0"), "asks for a SASL login"),
    ],
)
def test_a_role_without_a_password_is_told_that_one_is_needed(
    cut: int, demand: bytes, asks: str
) -> None:
    login = role(TlsMode.VERIFY_FULL, "scram-sha-256", "md5", "password", "none", password="")
    script = Script(servers=[[b"S", demand]], cut=cut)
    with pytest.raises(ServerProtocolError) as caught:
        _method(script, login)
    sentence = f'upstream of role "app" {asks}, and the role has no password; set PASS'
    assert str(caught.value) == sentence
    assert b"p\0\0" not in script.upstream.received

"""What upstream asks for, and what it is given: only what the role allows, and to the end."""

from hashlib import md5

import pytest

from protocols.api import Compute, TlsMode
from protocols.errors import LoginRejected, Reason, Refusal, ServerProtocolError
from protocols.postgres.log_in import log_in
from protocols.postgres.login import PostgresLogin, PostgresOptions
from protocols.postgres.messages import StartupMessage
from protocols.postgres.session import Session
from tests.protocols.postgres.server import (
    ACCOUNT,
    GREETINGS,
    NONCE,
    OK,
    ScramServer,
    authentication,
    error,
    nonce,
    role,
)
from tests.protocols.script import UNVERIFIED, Script
from tests.secrecy import CANARY
from tests.wire import message

_PLAIN = TlsMode.DISABLE
_SASL = authentication(10, b"SCRAM-SHA-256\0\0")
_STARTUP = StartupMessage((3, 0), {"user": ACCOUNT})


def _log_in(script: Script, login: PostgresLogin) -> Session:
    return script.run(log_in(login, _STARTUP, nonce))


def _answer(script: Script) -> bytes:
    """What was sent last."""
    return script.upstream.received.removeprefix(_STARTUP.encode())


def test_trust(cut: int) -> None:
    script = Script(servers=[[OK + GREETINGS]], cut=cut)
    assert _log_in(script, role(_PLAIN, "none")).facts["method"] == "none"
    assert _answer(script) == b""


def test_md5(cut: int) -> None:
    script = Script(servers=[[authentication(5, b"salt"), OK + GREETINGS]], cut=cut)
    assert _log_in(script, role(_PLAIN, "md5")).facts["method"] == "md5"
    inner = md5((CANARY + ACCOUNT).encode()).hexdigest()
    expected = "md5" + md5(inner.encode() + b"salt").hexdigest()
    assert _answer(script) == message(b"p", expected.encode() + b"\0")


def test_md5_hashes_password_and_user_in_this_order() -> None:
    script = Script(servers=[[authentication(5, b"\1\2\3\4"), OK + GREETINGS]])
    _log_in(script, role(_PLAIN, "md5", user="st", password="te"))
    stored = b"098f6bcd4621d373cade4e832627b4f6"  # SELECT md5('test')
    assert _answer(script)[5:-1] == b"md5" + md5(stored + b"\1\2\3\4").hexdigest().encode()


def test_cleartext_over_verified_tls(cut: int) -> None:
    script = Script(servers=[[b"S", authentication(3), OK + GREETINGS]], cut=cut)
    login = role(TlsMode.VERIFY_FULL, "password")
    assert _log_in(script, login).facts["method"] == "password"
    assert script.upstream.received.endswith(message(b"p", CANARY.encode() + b"\0"))


@pytest.mark.parametrize(
    ("mode", "script"),
    [
        (_PLAIN, Script(servers=[[authentication(3)]])),
        (TlsMode.PREFER, Script(servers=[[b"N", authentication(3)]])),
        (TlsMode.PREFER, Script(servers=[[b"S", authentication(3)]], tls=UNVERIFIED)),
        (TlsMode.REQUIRE, Script(servers=[[b"S", authentication(3)]], tls=UNVERIFIED)),
    ],
)
def test_cleartext_is_given_to_nobody_unverified(mode: TlsMode, script: Script) -> None:
    with pytest.raises(ServerProtocolError, match="not verified TLS") as caught:
        _log_in(script, role(mode, "password"))
    assert caught.value.reason is Reason.UPSTREAM_INSECURE
    assert b"nary" not in script.upstream.received


def test_scram(cut: int) -> None:
    server = ScramServer()
    script = Script(servers=[server.turns], cut=cut)
    assert _log_in(script, role()).facts["method"] == "scram-sha-256"
    first, final = script.upstream.received.split(b"SCRAM-SHA-256\0")[1].split(b"p\0\0\0", 1)
    assert first == b"\0\0\0\x20n,,n=,r=" + server.nonce.encode()[:24]
    assert server.accepts(final[1:])


def test_scram_stretches_the_password_where_it_holds_up_nobody() -> None:
    script = Script(servers=[ScramServer().turns])
    _log_in(script, role())
    assert [type(command) for command in script.commands].count(Compute) == 1


def test_scram_is_chosen_among_other_mechanisms(cut: int) -> None:
    offer = authentication(10, b"OAUTHBEARER\0SCRAM-SHA-256\0X\0\0")
    script = Script(servers=[[offer, *ScramServer().turns[1:]]], cut=cut)
    assert _log_in(script, role()).facts["method"] == "scram-sha-256"


@pytest.mark.parametrize(
    ("demand", "method"),
    [
        (OK, "none"),
        (authentication(3), "password"),
        (authentication(5, b"salt"), "md5"),
        (_SASL, "scram-sha-256"),
    ],
)
def test_a_method_is_used_only_where_the_role_allows_it(
    cut: int, demand: bytes, method: str
) -> None:
    others = {"none", "password", "md5", "scram-sha-256"} - {method}
    script = Script(servers=[[demand]], cut=cut)
    with pytest.raises(ServerProtocolError, match=f"set REQUIRE_AUTH to {method}") as caught:
        _log_in(script, role(_PLAIN, *others))
    assert caught.value.reason is Reason.UPSTREAM_INSECURE
    assert _answer(script) == b""


@pytest.mark.parametrize(
    ("demand", "named"),
    [
        (authentication(2), "Kerberos V5"),
        (authentication(6), "SCM credentials"),
        (authentication(7), "GSSAPI"),
        (authentication(9), "SSPI"),
        (authentication(4), "method 4"),
        (authentication(11), "method 11"),
        (authentication(12), "method 12"),
        (authentication(-1), "method -1"),
        (authentication(10, b"OAUTHBEARER\0\0"), "only OAUTHBEARER"),
        (authentication(10, b"SCRAM-SHA-512\0X\0\0"), "only SCRAM-SHA-512, X"),
        (authentication(10, b"scram-sha-256\0\0"), "only scram-sha-256"),
    ],
)
def test_a_method_that_we_do_not_have_is_named(cut: int, demand: bytes, named: str) -> None:
    with pytest.raises(
        ServerProtocolError, match=f"{named} authentication, which is not"
    ) as caught:
        _log_in(Script(servers=[[demand]], cut=cut), role(_PLAIN, "scram-sha-256", "none"))
    assert caught.value.reason is Reason.UPSTREAM_INSECURE


_SERVER = ScramServer()
_OTHER = ScramServer(b"another password")


@pytest.mark.parametrize(
    ("turns", "why"),
    [
        ([_SASL, OK], "message 0 where 11 is due"),
        ([_SASL, authentication(12, _SERVER.final)], "message 12 where 11 is due"),
        ([_SASL, authentication(3)], "message 3 where 11 is due"),
        ([_SASL, GREETINGS], "message b'S' during authentication"),
        ([_SASL, authentication(11, b"r=short,s=c2FsdA==,i=1")], "nonce does not extend ours"),
        ([_SASL, authentication(11, b"i=1")], "first SCRAM message is malformed"),
        ([*_SERVER.turns[:2], OK], "message 0 where 12 is due"),
        ([*_SERVER.turns[:2], authentication(11, _SERVER.first)], "message 11 where 12 is due"),
        ([*_SERVER.turns[:2], authentication(12, _OTHER.final) + OK], "could not prove"),
        ([*_SERVER.turns[:2], authentication(12, b"v=") + OK], "could not prove"),
        ([*_SERVER.turns[:2], authentication(12, b"e=x") + OK], "final SCRAM message is malformed"),
        ([*_SERVER.turns[:2], authentication(12, _SERVER.final) + GREETINGS], "message b'S'"),
        ([*_SERVER.turns[:2], authentication(12, _SERVER.final) + _SASL], "10 where 0 is due"),
        ([message(b"R", b"\0\0")], "Authentication is too short"),
        ([message(b"S", b"a\0b\0")], "message b'S' during authentication"),
        ([message(b"N", b"\0")], "message b'N' during authentication"),
        ([message(b"Z", b"I")], "message b'Z' during authentication"),
        ([b"HTTP/1.1 400 Bad Request\r\n"], "does not speak PostgreSQL's protocol"),
        ([b"R" + b"\0\0\x07\xd1" + bytes(3_000)], "does not speak PostgreSQL's protocol"),
        ([b"E" + b"\0\0\x75\x31" + bytes(31_000)], "does not speak PostgreSQL's protocol"),
    ],
)
def test_a_server_that_breaks_the_exchange_is_left(cut: int, turns: list[bytes], why: str) -> None:
    with pytest.raises(ServerProtocolError, match=why) as caught:
        _log_in(Script(servers=[turns], cut=cut), role())
    assert caught.value.reason is Reason.UPSTREAM_BROKEN


@pytest.mark.parametrize(
    ("iterations", "most"), [(0, 100_000), (100_001, 100_000), (4_097, 4_096), (2, 1)]
)
def test_no_time_is_spent_on_iterations_out_of_bounds(iterations: int, most: int) -> None:
    first = ScramServer().first.rpartition(b"=")[0] + f"={iterations}".encode()
    script = Script(servers=[[_SASL, authentication(11, first)]])
    with pytest.raises(ServerProtocolError) as caught:
        _log_in(script, role(options=PostgresOptions(max_scram_iterations=most)))
    assert str(caught.value).endswith(
        f"it asks for {iterations} SCRAM iterations; 1 to {most} are accepted "
        "(max_scram_iterations)"
    )
    assert not any(isinstance(command, Compute) for command in script.commands)


@pytest.mark.parametrize("answered", [1, 2])
def test_an_error_within_the_exchange_is_a_rejected_login(cut: int, answered: int) -> None:
    refusal = error("28P01", f'password authentication failed for user "{ACCOUNT}"')
    script = Script(servers=[[*ScramServer().turns[:answered], refusal]], cut=cut)
    with pytest.raises(LoginRejected) as caught:
        _log_in(script, role())
    assert caught.value.code == "28P01"


def test_no_refusal_tells_the_credential() -> None:
    for demand in (OK, authentication(3), authentication(5, b"salt"), authentication(7)):
        with pytest.raises(Refusal) as caught:
            _log_in(Script(servers=[[demand]]), role())
        told = f"{caught.value} {caught.value.detail} {caught.value!r}"
        assert "nary" not in told
        assert ACCOUNT not in str(caught.value)


def test_the_nonce_is_asked_for_once_a_login() -> None:
    asked: list[bytes] = []

    def fresh() -> bytes:
        asked.append(NONCE)
        return NONCE

    Script(servers=[ScramServer().turns]).run(log_in(role(), _STARTUP, fresh))
    assert asked == [NONCE]

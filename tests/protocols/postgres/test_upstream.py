"""What upstream's own errors become: our sentence for the client, its own for the operator."""

import pytest

from protocols.api import TlsMode
from protocols.errors import LoginRejected, Reason, Refusal, ServerProtocolError, UpstreamRefused
from protocols.postgres.log_in import log_in
from protocols.postgres.messages import StartupMessage
from tests.protocols.postgres.server import ACCOUNT, OK, PARAMETERS, error, nonce, role
from tests.protocols.script import Script
from tests.wire import message

_STARTUP = StartupMessage((3, 0), {"user": ACCOUNT})


def _refusal(said: bytes, cut: int) -> Refusal:
    script = Script(servers=[[said]], cut=cut)
    with pytest.raises(Refusal) as caught:
        script.run(log_in(role(TlsMode.DISABLE, "none"), _STARTUP, nonce))
    assert ACCOUNT not in str(caught.value)
    return caught.value


@pytest.mark.parametrize("code", ["28P01", "28000"])
def test_a_refused_credential_is_a_rejected_login(cut: int, code: str) -> None:
    refusal = _refusal(error(code, f'password of "{ACCOUNT}" is wrong'), cut)
    assert isinstance(refusal, LoginRejected)
    assert refusal.code == code
    assert refusal.reason is Reason.LOGIN_REJECTED
    assert str(refusal).startswith('upstream of role "app" refused the login')
    assert refusal.detail == f'{code} password of "{ACCOUNT}" is wrong'


@pytest.mark.parametrize(
    ("code", "reason", "sentence"),
    [
        ("57P03", Reason.UPSTREAM_STARTING, "is starting up"),
        ("53300", Reason.LIMIT_REACHED, "has no connection left"),
        ("3D000", Reason.UNKNOWN_DATABASE, "does not have this database"),
    ],
)
@pytest.mark.parametrize("before", [b"", OK, OK + PARAMETERS])
def test_some_codes_have_a_reason_of_their_own(
    cut: int, before: bytes, code: str, reason: Reason, sentence: str
) -> None:
    refusal = _refusal(before + error(code, f"no more for {ACCOUNT}"), cut)
    assert refusal.reason is reason
    assert sentence in str(refusal)
    assert "no more" not in str(refusal)
    assert refusal.detail == f"{code} no more for {ACCOUNT}"


def test_any_other_code_goes_on_but_its_words_do_not_before_upstream_let_us_in(cut: int) -> None:
    refusal = _refusal(error("42501", "visit evil.example"), cut)
    assert isinstance(refusal, UpstreamRefused)
    assert refusal.code == "42501"
    assert str(refusal) == 'upstream of role "app" refused the session (42501)'
    assert refusal.detail == "42501 visit evil.example"


@pytest.mark.parametrize("before", [OK, OK + PARAMETERS])
@pytest.mark.parametrize("code", ["42501", "28000", "28P01", "22023"])
def test_after_upstream_let_us_in_its_words_go_on(cut: int, before: bytes, code: str) -> None:
    refusal = _refusal(before + error(code, "parameter is out of range"), cut)
    assert isinstance(refusal, UpstreamRefused)
    assert (refusal.code, str(refusal)) == (code, "parameter is out of range")


def test_its_words_do_not_go_on_with_the_account_in_them(cut: int) -> None:
    refusal = _refusal(OK + error("55000", f'too many sessions of "{ACCOUNT}"'), cut)
    assert isinstance(refusal, UpstreamRefused)
    assert str(refusal) == 'upstream of role "app" refused the session (55000)'


@pytest.mark.parametrize("before", [b"", OK])
@pytest.mark.parametrize(
    "code", ["", "evil", "visit evil.example", ACCOUNT, "2800", "28p01", "28P01\n", "\u06628P01"]
)
def test_a_code_that_is_none_goes_nowhere(cut: int, before: bytes, code: str) -> None:
    refusal = _refusal(before + error(code, "hello"), cut)
    assert isinstance(refusal, ServerProtocolError)
    assert str(refusal) == 'upstream of role "app" sent an error without an SQLSTATE'


@pytest.mark.parametrize("body", [b"", b"SFATAL\0", b"Mevil", b"\0\0"])
def test_a_malformed_error_is_upstreams_fault(cut: int, body: bytes) -> None:
    refusal = _refusal(message(b"E", body), cut)
    assert refusal.reason is Reason.UPSTREAM_BROKEN
    assert "evil" not in str(refusal)

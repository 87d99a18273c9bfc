"""The server during a login: what it refuses, and what may be told of it."""

import pytest

from protocols.api import Disconnected, Side, UnixEndpoint
from protocols.errors import LoginRejected, Reason, Refusal, ServerProtocolError, UpstreamRefused
from protocols.mysql.upstream import Upstream
from tests.protocols.mysql.server import ACCOUNT, Script, error, packet, role
from tests.protocols.script import VERIFIED

_DENIED = f"Access denied for user '{ACCOUNT}'@'10.0.0.1' (using password: YES)"


def _refused(code: int, sentence: str = _DENIED) -> Refusal:
    script = Script(servers=[[packet(0, error(code, sentence))]])
    script.connect()
    with pytest.raises(Refusal) as caught:
        script.run(Upstream(role()).receive())
    return caught.value


@pytest.mark.parametrize("code", [1045, 1698, 1862, 3118, 4151])
def test_a_credential_that_is_not_taken_may_be_an_old_one(code: int) -> None:
    refusal = _refused(code)
    assert isinstance(refusal, LoginRejected)
    assert (refusal.code, refusal.detail) == (str(code), f"{code} {_DENIED}")


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        (1040, Reason.LIMIT_REACHED),
        (1203, Reason.LIMIT_REACHED),
        (1226, Reason.LIMIT_REACHED),
        (1044, Reason.UNKNOWN_DATABASE),
        (1049, Reason.UNKNOWN_DATABASE),
        (1053, Reason.UPSTREAM_STARTING),
    ],
)
def test_some_errors_have_a_reason_of_their_own(code: int, reason: Reason) -> None:
    refusal = _refused(code)
    assert refusal.reason is reason
    assert not isinstance(refusal, UpstreamRefused)


@pytest.mark.parametrize("code", [1129, 1130, 1251, 3159, 3955])
def test_any_other_keeps_its_code(code: int) -> None:
    refusal = _refused(code)
    assert isinstance(refusal, UpstreamRefused)
    assert refusal.code == str(code)
    assert str(refusal) == f'upstream of role "app" refused the session ({code})'


@pytest.mark.parametrize("code", [1040, 1044, 1045, 1049, 1129])
def test_the_account_is_the_operators_business(code: int) -> None:
    refusal = _refused(code)
    assert ACCOUNT not in str(refusal)
    assert ACCOUNT in refusal.detail


def test_an_error_without_a_code_is_a_fault() -> None:
    script = Script(servers=[[packet(0, b"\xff\1")]])
    script.connect()
    with pytest.raises(ServerProtocolError, match="broke the protocol"):
        script.run(Upstream(role()).receive())


def test_a_server_that_leaves_breaks_the_protocol() -> None:
    upstream = Upstream(role())
    with (
        pytest.raises(ServerProtocolError, match="closed the connection during the login"),
        upstream.staying(),
    ):
        raise Disconnected(Side.UPSTREAM)


def test_what_is_said_by_a_socket_or_under_tls_is_hidden() -> None:
    assert not Upstream(role()).hides_what_is_said
    assert Upstream(role(endpoint=UnixEndpoint("/s"))).hides_what_is_said
    upstream = Upstream(role())
    upstream.tls = VERIFIED
    assert upstream.hides_what_is_said

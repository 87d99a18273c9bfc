"""How each refusal reads to a client."""

import pytest

from protocols.errors import Reason, Refusal, UpstreamRefused
from protocols.mysql.refusals import error_packet
from tests.protocols.mysql.server import error, packet

_CODES = {
    Reason.MALFORMED: (1043, "08S01"),
    Reason.OVERSIZED: (1153, "08S01"),
    Reason.UNSUPPORTED: (1235, "42000"),
    Reason.UNKNOWN_ROLE: (1045, "28000"),
    Reason.UNKNOWN_DATABASE: (1049, "42000"),
    Reason.DENIED: (1227, "42000"),
    Reason.LIMIT_REACHED: (1040, "08004"),
    Reason.SECRET_UNAVAILABLE: (1105, "HY000"),
    Reason.UPSTREAM_UNREACHABLE: (1105, "HY000"),
    Reason.UPSTREAM_STARTING: (1053, "08S01"),
    Reason.UPSTREAM_BROKEN: (1105, "HY000"),
    Reason.UPSTREAM_INSECURE: (1105, "HY000"),
    Reason.LOGIN_REJECTED: (1045, "28000"),
    Reason.IDLE: (1927, "08S01"),
    Reason.SHUTTING_DOWN: (1053, "08S01"),
    Reason.AUDIT_UNWRITABLE: (1105, "HY000"),
    Reason.INTERNAL: (1105, "HY000"),
}


@pytest.mark.parametrize("reason", Reason)
def test_every_reason_has_a_code(reason: Reason) -> None:
    code, sqlstate = _CODES[reason]
    refusal = Refusal(reason, "so it is", detail="the operator's words")
    assert error_packet(refusal, 3) == packet(3, error(code, "so it is", sqlstate))


def test_before_the_greeting_there_is_no_sqlstate() -> None:
    refusal = Refusal(Reason.LIMIT_REACHED, "all are taken")
    said = error_packet(refusal, 0, greeted=False)
    assert said == packet(0, error(1040, "all are taken", None))


def test_a_later_packet_of_number_0_has_one() -> None:
    """Numbers begin again behind 255."""
    refusal = Refusal(Reason.IDLE, "it slept")
    assert error_packet(refusal, 0) == packet(0, error(1927, "it slept", "08S01"))


def test_upstreams_own_code_goes_on() -> None:
    refusal = UpstreamRefused("it refused", code="1129")
    assert error_packet(refusal, 2) == packet(2, error(1129, "it refused"))


@pytest.mark.parametrize("code", ["2000", "2013", "2999"])
def test_no_code_is_one_of_clients_own(code: str) -> None:
    assert error_packet(UpstreamRefused("no", code=code), 2) == packet(2, error(1105, "no"))

"""Every reason has a SQLSTATE, and a client reads nothing but the sentence."""

import pytest

from protocols.errors import (
    ClientProtocolError,
    LoginRejected,
    Reason,
    Refusal,
    ServerProtocolError,
    UpstreamRefused,
)
from protocols.postgres.refusals import error_response
from tests.protocols.postgres.server import error

_CODES = {
    "MALFORMED": "08P01",
    "OVERSIZED": "54000",
    "UNSUPPORTED": "0A000",
    "UNKNOWN_ROLE": "3D000",
    "UNKNOWN_DATABASE": "3D000",
    "DENIED": "42501",
    "LIMIT_REACHED": "53300",
    "SECRET_UNAVAILABLE": "08006",
    "UPSTREAM_UNREACHABLE": "08006",
    "UPSTREAM_STARTING": "57P03",
    "UPSTREAM_BROKEN": "08006",
    "UPSTREAM_INSECURE": "08006",
    "LOGIN_REJECTED": "28000",
    "IDLE": "57P05",
    "SHUTTING_DOWN": "57P01",
    "AUDIT_UNWRITABLE": "58030",
    "INTERNAL": "XX000",
}


@pytest.mark.parametrize("reason", Reason)
def test_every_reason_has_its_code(reason: Reason) -> None:
    told = error_response(Refusal(reason, "a sentence", detail="the operator's"))
    assert told == error(_CODES[reason.name], "a sentence")


@pytest.mark.parametrize(
    ("refusal", "code"),
    [
        (ClientProtocolError("no"), "08P01"),
        (ClientProtocolError("no", Reason.OVERSIZED), "54000"),
        (ServerProtocolError("no", detail="words"), "08006"),
        (LoginRejected("no", code="28P01", detail="words"), "28000"),
        (UpstreamRefused("no", code="25006", detail="words"), "25006"),
    ],
)
def test_only_upstreams_own_refusal_has_upstreams_code(refusal: Refusal, code: str) -> None:
    assert error_response(refusal) == error(code, "no")

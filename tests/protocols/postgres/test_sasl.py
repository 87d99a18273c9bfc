"""SCRAM's login bound to TLS: where it can be, where it must be, and what it says otherwise."""

from hashlib import sha256

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519

from protocols.api import Tls, TlsMode
from protocols.errors import Reason, ServerProtocolError
from protocols.postgres.demands import METHODS, ChannelBinding
from protocols.postgres.log_in import log_in
from protocols.postgres.messages import StartupMessage
from tests.protocols.postgres.certificates import certificate
from tests.protocols.postgres.server import (
    GREETINGS,
    OK,
    ScramServer,
    authentication,
    nonce,
    role,
)
from tests.protocols.script import Script

_HASHED = certificate(ec.generate_private_key(ec.SECP256R1()), hashes.SHA256())
_UNHASHED = certificate(ed25519.Ed25519PrivateKey.generate(), None)
_PLUS, _SCRAM = b"SCRAM-SHA-256-PLUS", b"SCRAM-SHA-256"
_BOUND = b"p=tls-server-end-point,," + sha256(_HASHED).digest()


def _offer(*mechanisms: bytes) -> bytes:
    return authentication(10, b"".join(name + b"\0" for name in mechanisms) + b"\0")


def _log_in(
    cut: int,
    offered: list[bytes],
    channel: bytes = b"n,,",
    *,
    binding: str = "prefer",
    seen: bytes | None = _HASHED,
) -> tuple[str, bytes]:
    """The method, and the mechanism and GS2 header that the server was told; without a
    certificate over no TLS."""
    server = ScramServer(channel=channel)
    tls = [b"S"] if seen else []
    mode = TlsMode.REQUIRE if seen else TlsMode.DISABLE
    script = Script(
        servers=[[*tls, _offer(*offered), *server.turns[1:]]],
        cut=cut,
        tls=Tls("TLSv1.3", False, seen),
    )
    login = role(mode, "scram-sha-256", channel_binding=ChannelBinding(binding))
    session = script.run(log_in(login, StartupMessage((3, 0), {"user": "x"}), nonce))
    first, final = script.upstream.received.split(b"SCRAM-SHA-256", 1)[1].split(b"p\0\0\0", 1)
    assert server.accepts(final[1:])
    name, _, message = first.partition(b"\0")
    return session.facts["method"], name + b" " + message[4:].partition(b"n=")[0]


@pytest.mark.parametrize("binding", ["prefer", "require"])
@pytest.mark.parametrize("offered", [[_PLUS, _SCRAM], [_SCRAM, _PLUS], [_PLUS]])
def test_a_login_is_bound_where_the_server_offers_it(
    cut: int, binding: str, offered: list[bytes]
) -> None:
    method, said = _log_in(cut, offered, _BOUND, binding=binding)
    assert method == "scram-sha-256-plus"
    assert said == b"-PLUS p=tls-server-end-point,,"


@pytest.mark.parametrize(
    ("offered", "binding", "seen", "header"),
    [
        ([_SCRAM], "prefer", _HASHED, b"y,,"),  # we could, and heard no offer
        ([_SCRAM], "prefer", _UNHASHED, b"n,,"),
        ([_SCRAM, _PLUS], "prefer", _UNHASHED, b"n,,"),  # "y" would be taken for an attack
        ([_SCRAM], "prefer", None, b"n,,"),
        ([_SCRAM], "disable", _HASHED, b"n,,"),
        ([_SCRAM, _PLUS], "disable", _HASHED, b"n,,"),
    ],
)
def test_a_login_that_is_not_bound_says_why(
    cut: int, offered: list[bytes], binding: str, seen: bytes | None, header: bytes
) -> None:
    method, said = _log_in(cut, offered, header, binding=binding, seen=seen)
    assert (method, said) == ("scram-sha-256", b" " + header)


def _refused(cut: int, demand: bytes, *, binding: str, seen: bytes | None) -> str:
    tls = [b"S"] if seen else []
    mode = TlsMode.VERIFY_FULL if seen else TlsMode.DISABLE
    script = Script(servers=[[*tls, demand]], cut=cut, tls=Tls("TLSv1.3", True, seen))
    wanted = role(mode, *METHODS, channel_binding=ChannelBinding(binding))
    with pytest.raises(ServerProtocolError) as caught:
        script.run(log_in(wanted, StartupMessage((3, 0), {"user": "x"}), nonce))
    assert caught.value.reason is Reason.UPSTREAM_INSECURE
    assert b"p\0\0\0" not in script.upstream.received
    return str(caught.value).removeprefix('upstream of role "app" ')


_DEMANDED = ", which the role demands (CHANNEL_BINDING require)"


@pytest.mark.parametrize(
    ("demand", "seen", "why"),
    [
        (_offer(_SCRAM), _HASHED, "does not offer to bind the login to TLS"),
        (_offer(_SCRAM), None, "is connected without TLS, so that no login can be bound to it"),
        (_offer(_SCRAM, _PLUS), _UNHASHED, "has a certificate that no login can be bound to"),
        (OK + GREETINGS, _HASHED, "does not bind the login to TLS"),
        (authentication(3), _HASHED, "does not bind the login to TLS"),
        (authentication(5, b"salt"), _HASHED, "does not bind the login to TLS"),
        (authentication(5, b"salt"), None, "does not bind the login to TLS"),
        (authentication(7), None, "does not bind the login to TLS"),
    ],
)
def test_a_binding_that_is_required_and_cannot_be_ends_the_login(
    cut: int, demand: bytes, seen: bytes | None, why: str
) -> None:
    assert _refused(cut, demand, binding="require", seen=seen) == why + _DEMANDED


@pytest.mark.parametrize("binding", ["disable", "prefer", "require"])
def test_an_offer_over_no_tls_is_somebody_elses(cut: int, binding: str) -> None:
    why = _refused(cut, _offer(_PLUS, _SCRAM), binding=binding, seen=None)
    assert why == "offers to bind the login to TLS over a connection without TLS"


@pytest.mark.parametrize(("binding", "seen"), [("disable", _HASHED), ("prefer", _UNHASHED)])
def test_a_server_that_only_binds_is_told_of_where_we_do_not(
    cut: int, binding: str, seen: bytes
) -> None:
    why = _refused(cut, _offer(_PLUS, b"X"), binding=binding, seen=seen)
    assert why == "offers only SCRAM-SHA-256-PLUS, X authentication, which is not supported"


def test_a_login_bound_to_another_certificate_is_no_proof(cut: int) -> None:
    """What the server signs is what it sees itself."""
    elsewhere = b"p=tls-server-end-point,," + sha256(_UNHASHED).digest()
    with pytest.raises(ServerProtocolError, match="could not prove that it knows the password"):
        _log_in(cut, [_PLUS, _SCRAM], elsewhere)

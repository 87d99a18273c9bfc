"""What a login is bound to: the hash of a certificate, which is whatever upstream shows."""

from functools import partial
from warnings import catch_warnings

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa

from protocols.api import Side
from protocols.postgres.channel_binding import tls_server_end_point
from tests.fuzz.conversation import Conversation, Framing, Step
from tests.fuzz.limits import in_time
from tests.fuzz.target import Checked
from tests.protocols.postgres.certificates import certificate

_SECONDS = 0.05


class _Whole:
    """A certificate is one message."""

    @property
    def header(self) -> int:
        return 0

    def split(self, data: bytes) -> list[bytes]:
        return [data] if data else []

    def fit(self, message: bytes) -> bytes:
        return message

    def claim(self, message: bytes, length: int) -> bytes:
        return message


CERTIFICATE: dict[Side, Framing] = {side: _Whole() for side in Side}


def check(conversation: Conversation) -> Checked:
    shown = conversation.said(Side.UPSTREAM)
    with catch_warnings(action="ignore"):  # of what a certificate should not have
        digest = in_time(partial(tls_server_end_point, shown), _SECONDS)
    return Checked(1, digest and len(digest))


def new_certificates() -> dict[str, Conversation]:
    """One for each way to sign, with keys that nobody keeps."""
    elliptic, modulus = (
        ec.generate_private_key(ec.SECP256R1()),
        rsa.generate_private_key(65537, 2048),
    )
    pss = padding.PSS(padding.MGF1(hashes.SHA384()), padding.PSS.DIGEST_LENGTH)
    made = {
        "ecdsa": certificate(elliptic, hashes.SHA256()),
        "rsa": certificate(modulus, hashes.SHA512()),
        "rsa_pss": certificate(modulus, hashes.SHA384(), rsa_padding=pss),
        "ed25519": certificate(ed25519.Ed25519PrivateKey.generate(), None),
    }
    return {name: Conversation((Step(Side.UPSTREAM, der),)) for name, der in made.items()}

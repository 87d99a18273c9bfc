"""Binding a login to the TLS connection that it is made over, as `tls-server-end-point` (RFC 5929).

Who stands between us and the server has another certificate than the server, so that a login bound
to what we see comes to nothing, whatever was verified of it.
"""

from collections.abc import Sequence

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes

from protocols.postgres.demands import ChannelBinding
from protocols.postgres.scram import MECHANISM, MECHANISM_PLUS, Binding
from protocols.postgres.upstream import Upstream

REQUIRED = "which the role demands (CHANNEL_BINDING require)"


def choose(upstream: Upstream, mechanisms: Sequence[bytes]) -> Binding:
    """How SCRAM is bound that offers these mechanisms. Raises a refusal where it cannot be as the
    role wants it."""
    offered = MECHANISM_PLUS.encode() in mechanisms
    if offered and upstream.tls is None:  # somebody took the TLS away
        raise upstream.insecure("offers to bind the login to TLS over a connection without TLS")
    end_point = _end_point(upstream)
    if offered and end_point is not None:
        return Binding(MECHANISM_PLUS, "p=tls-server-end-point,,", end_point)
    if upstream.login.channel_binding is ChannelBinding.REQUIRE:
        raise upstream.insecure(f"{_why_not(upstream, end_point)}, {REQUIRED}")
    if MECHANISM.encode() not in mechanisms:
        names = b", ".join(mechanisms).decode("ascii", "replace")
        raise upstream.insecure(f"offers only {names} authentication, which is not supported")
    # A server that did offer it will know from the "y" that somebody took the offer away.
    return Binding(MECHANISM, "n,," if end_point is None else "y,,")


def tls_server_end_point(certificate: bytes) -> bytes | None:
    """The hash of a DER certificate, by the hash of its own signature but for those that are too
    weak; None where its signature has none, such as Ed25519's."""
    try:
        algorithm = x509.load_der_x509_certificate(certificate).signature_hash_algorithm
        if algorithm is None:
            return None
        if isinstance(algorithm, hashes.MD5 | hashes.SHA1):
            algorithm = hashes.SHA256()
        digest = hashes.Hash(algorithm)
    except (UnsupportedAlgorithm, ValueError, x509.InvalidVersion):
        return None
    digest.update(certificate)
    return digest.finalize()


def _end_point(upstream: Upstream) -> bytes | None:
    """What a login over this connection can be bound to, if the role lets it be."""
    if upstream.tls is None or upstream.tls.peer_certificate is None:
        return None
    if upstream.login.channel_binding is ChannelBinding.DISABLE:
        return None
    return tls_server_end_point(upstream.tls.peer_certificate)


def _why_not(upstream: Upstream, end_point: bytes | None) -> str:
    if upstream.tls is None:
        return "is connected without TLS, so that no login can be bound to it"
    if end_point is None:
        return "has a certificate that no login can be bound to"
    return "does not offer to bind the login to TLS"

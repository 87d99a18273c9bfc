"""The contexts: what clients are shown, and what upstream must prove."""

import ssl
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography import x509

from protocols.api import TlsMode, TlsPolicy
from proxy.certificates import Identity, self_signed
from proxy.memory import Memory
from proxy.tls import client_context, server_context
from tests.servers.authority import Authority


@pytest.fixture(scope="module")
def other_authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("other-authority"))


def _shown(own: Identity) -> x509.Certificate:
    """The certificate that a client gets to see."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = context.wrap_bio(to_client, to_server, server_hostname="localhost")
    server = server_context(own).wrap_bio(to_server, to_client, server_side=True)
    for side in (client, server, client, server):
        try:
            side.do_handshake()
        except ssl.SSLWantReadError:
            continue
    der = client.getpeercert(binary_form=True)
    assert der is not None
    return x509.load_der_x509_certificate(der)


def test_what_clients_are_shown() -> None:
    own = self_signed()
    certificate = _shown(own)
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["localhost"]
    assert list(map(str, names.get_values_for_type(x509.IPAddress))) == ["127.0.0.1", "::1"]
    now = datetime.now(UTC)
    assert certificate.not_valid_before_utc < now < certificate.not_valid_after_utc
    assert _shown(own) == certificate, "all workers show the same"


@pytest.mark.parametrize(
    ("mode", "root", "verifies", "checks_the_name"),
    [
        (TlsMode.ALLOW, "pem", False, False),
        (TlsMode.PREFER, None, False, False),
        (TlsMode.PREFER, "pem", False, False),
        (TlsMode.REQUIRE, None, False, False),
        (TlsMode.REQUIRE, "pem", True, False),
        (TlsMode.VERIFY_CA, "path", True, False),
        (TlsMode.VERIFY_FULL, None, True, True),
        (TlsMode.VERIFY_FULL, "system", True, True),
        (TlsMode.VERIFY_FULL, "pem", True, True),
    ],
)
def test_what_upstream_must_prove(
    authority: Authority, mode: TlsMode, root: str | None, verifies: bool, checks_the_name: bool
) -> None:
    given = {"pem": authority.pem, "path": str(authority.path)}.get(root or "", root)
    context = client_context(TlsPolicy(mode, given), Memory())
    assert (context.verify_mode is ssl.CERT_REQUIRED) == verifies
    assert context.check_hostname == checks_the_name
    assert context.minimum_version is ssl.TLSVersion.TLSv1_2
    if verifies and root in ("pem", "path"):
        assert len(context.get_ca_certs()) == 1


@pytest.mark.parametrize("root", ["/none", "", "-----BEGIN CERTIFICATE-----\nx", "/dev/null"])
def test_a_root_that_is_none(root: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="SSLROOTCERT is neither a certificate nor the path"):
        client_context(TlsPolicy(TlsMode.VERIFY_FULL, root or str(tmp_path)), Memory())


def _serials(root: str) -> set[str]:
    """Of the certificates that are trusted."""
    trusted = client_context(TlsPolicy(TlsMode.VERIFY_FULL, root), Memory()).get_ca_certs()
    return {str(certificate["serialNumber"]) for certificate in trusted}


@pytest.mark.parametrize("encoding", ["utf-8", "latin-1"])
def test_what_stands_between_certificates_may_be_in_any_language(
    authority: Authority, other_authority: Authority, tmp_path: Path, encoding: str
) -> None:
    bundle = f"# Z\u00fcrich\n{authority.pem}# G\u00f6teborg\n{other_authority.pem}# Malm\u00f6\n"
    (tmp_path / "bundle").write_text(bundle, encoding)
    both = _serials(authority.pem) | _serials(other_authority.pem)
    assert len(both) == 2
    assert _serials(bundle) == both
    assert _serials(str(tmp_path / "bundle")) == both


def test_a_certificate_that_was_replaced_is_read_anew(
    authority: Authority, other_authority: Authority, tmp_path: Path
) -> None:
    file = tmp_path / "authority.crt"
    for current in (authority, other_authority, authority):
        file.write_text(current.pem)
        assert _serials(str(file)) == _serials(current.pem)


def test_a_certificate_that_is_gone_is_none(authority: Authority, tmp_path: Path) -> None:
    file = tmp_path / "authority.crt"
    file.write_text(authority.pem)
    policy = TlsPolicy(TlsMode.VERIFY_FULL, str(file))
    client_context(policy, Memory())
    file.unlink()
    with pytest.raises(ValueError, match="the path of one: No such file or directory"):
        client_context(policy, Memory())

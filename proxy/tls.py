"""TLS on both legs: the certificate shown to clients, and what upstream's must prove."""

import ssl
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

from protocols.api import TlsMode, TlsPolicy
from proxy.certificates import (
    NO_CERTIFICATE,
    NO_KEY,
    Identity,
    certificates,
    identity,
    present,
    self_signed,
)
from proxy.memory import Memory

_ALPN = ["postgresql"]
_NO_ROOT = "SSLROOTCERT is neither a certificate nor the path of one"


def server_context(own: Identity | None = None) -> ssl.SSLContext:
    """TLS towards clients, with our own certificate, or one made now: clients that insist on TLS
    get it, and nobody is asked to trust it."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(_ALPN)
    present(context, *(own or self_signed()))
    return context


def client_context(policy: TlsPolicy, memory: Memory) -> ssl.SSLContext:
    """TLS towards upstream. What is in a file is read anew, and a context made again for what is
    not the same; one with a private key in it is not kept for long. Raises ValueError where a
    certificate or key is none."""
    root, key = policy.root_certificate, policy.key
    policy = replace(
        policy,
        root_certificate=root if root == "system" else _text(root, _NO_ROOT),
        certificate=_text(policy.certificate, NO_CERTIFICATE),
        key=_text(key, NO_KEY),
    )
    if policy.certificate is None or policy.key is None:
        return _shared(policy)
    name = ("tls", policy.mode.value, policy.root_certificate or "", policy.certificate)
    context: ssl.SSLContext | None = memory.recall(name, policy.key)
    if context is None:
        context = _make(policy)
        _prove_ourselves(context, policy.certificate, policy.key)
        memory.remember(name, policy.key, context)
    return context


def _make(policy: TlsPolicy) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.check_hostname = policy.mode is TlsMode.VERIFY_FULL
    # As in libpq, `require` with an authority's certificate at hand verifies against it.
    verifies = policy.mode.verifies or (
        policy.mode is TlsMode.REQUIRE and policy.root_certificate is not None
    )
    context.verify_mode = ssl.CERT_REQUIRED if verifies else ssl.CERT_NONE
    if verifies:
        _trust(context, policy.root_certificate)
    return context


_shared = lru_cache(maxsize=256)(_make)


def _text(value: str | None, problem: str) -> str | None:
    """A variable's PEM text: itself, or what is in the file that it names."""
    if value is None or "-----BEGIN" in value:
        return value
    try:
        return Path(value).read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        raise ValueError(f"{problem}: {error.strerror}") from None


def _trust(context: ssl.SSLContext, root: str | None) -> None:
    if root is None or root == "system":
        context.load_default_certs()
        return
    try:
        context.load_verify_locations(cadata=certificates(root))
    except (OSError, ValueError):  # ssl.SSLError is an OSError
        raise ValueError(_NO_ROOT) from None


def _prove_ourselves(context: ssl.SSLContext, certificate: str, key: str) -> None:
    try:
        present(context, *identity(certificate, key))
    except ssl.SSLError as error:
        raise ValueError(f"SSLCERT cannot be used with SSLKEY: {error.reason}") from None

"""Upstream's demand for a credential, answered: trust, certificate, cleartext, md5 and SCRAM.

Source: "Message Flow: Start-up". A method is answered only if the role allows it, so that a server
that is not what it should be cannot ask for less protection than the operator expects.
"""

from collections.abc import Generator
from hashlib import md5
from typing import Any

from protocols.api import Command, Nonce
from protocols.postgres import messages
from protocols.postgres.channel_binding import REQUIRED
from protocols.postgres.demands import ChannelBinding
from protocols.postgres.inbox import Message
from protocols.postgres.sasl import scram
from protocols.postgres.upstream import Upstream


def authenticate(upstream: Upstream, demand: Message, nonce: Nonce) -> Generator[Command, Any, str]:
    """Answer the first `R` message and all that follows, up to AuthenticationOk.

    Returns the method's name, as REQUIRE_AUTH spells it; `scram-sha-256-plus` is bound to TLS.
    """
    authentication = upstream.authentication(demand)
    bound = authentication.method == messages.SASL
    if not bound and upstream.login.channel_binding is ChannelBinding.REQUIRE:
        raise upstream.insecure(f"does not bind the login to TLS, {REQUIRED}")
    match authentication.method:
        case messages.AUTHENTICATION_OK:
            return _let_in(upstream)
        case messages.CLEARTEXT_PASSWORD:
            method = yield from _cleartext(upstream)
        case messages.MD5_PASSWORD:
            method = yield from _md5(upstream, authentication.data)
        case messages.SASL:
            method = yield from scram(upstream, authentication.data, nonce)
        case number:
            name = messages.METHOD_NAMES.get(number, f"method {number}")
            raise upstream.insecure(f"asks for {name} authentication, which is not supported")
    yield from upstream.expect(messages.AUTHENTICATION_OK)
    return method


def _let_in(upstream: Upstream) -> str:
    """By the certificate that we showed it, or anybody. Which of the two cannot be told, so for the
    certificate the server must at least have proven itself: any other could say Ok as well."""
    login = upstream.login
    if "cert" in login.methods and login.tls.certificate is not None:
        if upstream.tls is not None and upstream.tls.verified:
            return "cert"
        if "none" not in login.methods:
            raise upstream.insecure(
                "lets us in without a password over a connection that is not verified TLS; "
                "set SSLMODE to verify-full"
            )
    upstream.allow("none", "lets anybody in without a password")
    return "none"


def _cleartext(upstream: Upstream) -> Generator[Command, Any, str]:
    password = upstream.password("password", "asks for the password in clear text")
    if upstream.tls is None or not upstream.tls.verified:
        raise upstream.insecure(
            "asks for the password in clear text over a connection that is not verified TLS; "
            "set SSLMODE to verify-full"
        )
    yield from upstream.answer(messages.cstring(password))
    return "password"


def _md5(upstream: Upstream, salt: bytes) -> Generator[Command, Any, str]:
    password = upstream.password("md5", "asks for an md5 password")
    if len(salt) != 4:
        raise upstream.broken(f"sent an md5 salt of {len(salt)} bytes")
    account = messages.raw(password) + messages.raw(upstream.login.user)
    inner = md5(account, usedforsecurity=False).hexdigest().encode()
    digest = md5(inner + salt, usedforsecurity=False).hexdigest()
    yield from upstream.answer(messages.cstring("md5" + digest))
    return "md5"

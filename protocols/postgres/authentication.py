"""Upstream's demand for a credential, answered: trust, cleartext, md5 and SCRAM-SHA-256.

Source: "Message Flow: Start-up". A method is answered only if the role allows it, so that a server
that is not what it should be cannot ask for less protection than the operator expects.
"""

from collections.abc import Generator
from hashlib import md5
from typing import Any

from protocols.api import Command, Compute, Nonce
from protocols.postgres import messages, scram
from protocols.postgres.inbox import Message
from protocols.postgres.messages import Authentication, PasswordMessage
from protocols.postgres.upstream import Upstream


def authenticate(upstream: Upstream, demand: Message, nonce: Nonce) -> Generator[Command, Any, str]:
    """Answer the first `R` message and all that follows, up to AuthenticationOk.

    Returns the method's name, as REQUIRE_AUTH spells it.
    """
    authentication = _decode(upstream, demand)
    match authentication.method:
        case messages.AUTHENTICATION_OK:
            _require(upstream, "none", "lets anybody in without a password")
            return "none"
        case messages.CLEARTEXT_PASSWORD:
            method = yield from _cleartext(upstream)
        case messages.MD5_PASSWORD:
            method = yield from _md5(upstream, authentication.data)
        case messages.SASL:
            method = yield from _scram(upstream, authentication.data, nonce)
        case number:
            name = messages.METHOD_NAMES.get(number, f"method {number}")
            raise upstream.insecure(f"asks for {name} authentication, which is not supported")
    yield from _expect(upstream, messages.AUTHENTICATION_OK)
    return method


def _cleartext(upstream: Upstream) -> Generator[Command, Any, str]:
    _require(upstream, "password", "asks for the password in clear text")
    if upstream.tls is None or not upstream.tls.verified:
        raise upstream.insecure(
            "asks for the password in clear text over a connection that is not verified TLS; "
            "set SSLMODE to verify-full"
        )
    yield from _answer(upstream, messages.cstring(upstream.login.password))
    return "password"


def _md5(upstream: Upstream, salt: bytes) -> Generator[Command, Any, str]:
    _require(upstream, "md5", "asks for an md5 password")
    if len(salt) != 4:
        raise upstream.broken(f"sent an md5 salt of {len(salt)} bytes")
    account = messages.raw(upstream.login.password) + messages.raw(upstream.login.user)
    inner = md5(account, usedforsecurity=False).hexdigest().encode()
    digest = md5(inner + salt, usedforsecurity=False).hexdigest()
    yield from _answer(upstream, messages.cstring("md5" + digest))
    return "md5"


def _scram(upstream: Upstream, offered: bytes, nonce: Nonce) -> Generator[Command, Any, str]:
    _require(upstream, "scram-sha-256", "asks for a SASL login")
    mechanisms = offered.rstrip(b"\0").split(b"\0")
    if scram.MECHANISM.encode() not in mechanisms:
        names = b", ".join(mechanisms).decode("ascii", "replace")
        raise upstream.insecure(f"offers only {names} authentication, which is not supported")
    try:
        yield from _scram_exchange(upstream, scram.ScramClient(nonce()))
    except scram.ScramError as error:
        raise upstream.broken(f"failed the login: {error}") from None
    return "scram-sha-256"


def _scram_exchange(upstream: Upstream, client: scram.ScramClient) -> Generator[Command, Any, None]:
    first = client.first()
    size = len(first).to_bytes(4, "big")
    yield from _answer(upstream, messages.cstring(scram.MECHANISM) + size + first)
    challenge = client.challenge((yield from _expect(upstream, messages.SASL_CONTINUE)))
    keys: scram.Keys = yield Compute(lambda: scram.derive(upstream.login.password, challenge))
    yield from _answer(upstream, client.final(challenge, keys))
    client.verify((yield from _expect(upstream, messages.SASL_FINAL)), keys)


def _require(upstream: Upstream, method: str, what: str) -> None:
    if method not in upstream.login.methods:
        raise upstream.insecure(
            f"{what}, which the role does not allow; set REQUIRE_AUTH to {method} to allow it"
        )


def _answer(upstream: Upstream, data: bytes) -> Generator[Command, Any, None]:
    yield from upstream.send(PasswordMessage(data).encode())


def _expect(upstream: Upstream, method: int) -> Generator[Command, Any, bytes]:
    message = yield from upstream.receive()
    authentication = _decode(upstream, message)
    if authentication.method != method:
        raise upstream.broken(
            f"sent authentication message {authentication.method} where {method} is due"
        )
    return authentication.data


def _decode(upstream: Upstream, message: Message) -> Authentication:
    if message.kind != Authentication.kind:
        raise upstream.broken(f"sent message {message.kind!r} during authentication")
    try:
        return Authentication.decode(message.body)
    except ValueError as error:
        raise upstream.broken(f"broke the protocol: {error}") from None

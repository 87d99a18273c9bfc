"""The client's half of the handshake: it is greeted, says what it wants, and proves nothing.

Source: "Connection Phase" in MySQL's documentation, read as a server.
"""

from collections.abc import Generator
from typing import Any

from protocols.api import Command, Nonce, Side, StartTls
from protocols.errors import ClientProtocolError, Reason
from protocols.mysql.authentication import NATIVE
from protocols.mysql.capabilities import Capability
from protocols.mysql.exchange import Exchange
from protocols.mysql.greeting import OUR_PLUGIN, Greeting
from protocols.mysql.messages import (
    AUTH_MORE_DATA,
    AuthSwitchRequest,
    HandshakeResponse,
    asks_for_tls,
)

_TLS_HANDSHAKE = b"\x16"
_SCRAMBLE = 20
_FIRST_CHARACTER, _CHARACTERS = 0x21, 0x7E - 0x21 + 1
_SHA2_ANSWER = 32
_FAST_PATH = AUTH_MORE_DATA + b"\x03"


def make_scramble(nonce: Nonce) -> bytes:
    """A challenge, in characters that no client mistakes for the end of it."""
    random = (nonce() + nonce())[:_SCRAMBLE]
    return bytes(_FIRST_CHARACTER + byte % _CHARACTERS for byte in random)


def greet(client: Exchange, greeting: Greeting) -> Generator[Command, Any, HandshakeResponse]:
    """Say who upstream is, start TLS if the client likes, and hear what it wants."""
    yield from client.send(greeting.encode())
    payload = yield from client.receive()
    if asks_for_tls(payload):
        yield from _start_tls(client)
        payload = yield from client.receive()
    if not int.from_bytes(payload[:2], "little") & Capability.PROTOCOL_41:
        raise ClientProtocolError(
            "the client is older than MySQL 4.1, which is not supported", Reason.UNSUPPORTED
        )
    try:
        return HandshakeResponse.decode(payload, greeting.capabilities)
    except ValueError as fault:
        raise ClientProtocolError(f"bad handshake: {fault}") from None


def _start_tls(client: Exchange) -> Generator[Command, Any, None]:
    received = client.drain()  # a client may begin at once, and its first bytes be here already
    if received[:1] not in (b"", _TLS_HANDSHAKE):
        raise ClientProtocolError("bad handshake: the client asked for TLS and did not begin it")
    yield StartTls(Side.CLIENT, received=received)


def take_any_proof(
    client: Exchange, response: HandshakeResponse, scramble: bytes
) -> Generator[Command, Any, tuple[bytes, ...]]:
    """Go through the motions that the client's plugin expects. Returns what must precede its OK.

    A client that does not use the plugin we named is asked to use the native one, which all but the
    newest have; never one that would send us a password.
    """
    plugin, answer = response.plugin, response.answer
    if Capability.PLUGIN_AUTH not in response.capabilities:
        return ()
    if plugin == OUR_PLUGIN and len(answer) == _SHA2_ANSWER:
        return (_FAST_PATH,)
    if plugin == OUR_PLUGIN and len(answer) <= 1:
        return ()
    yield from client.send(AuthSwitchRequest(NATIVE, scramble + b"\0").encode())
    yield from client.receive()
    return ()

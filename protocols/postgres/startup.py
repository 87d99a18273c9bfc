"""The client's side of the startup: from its first byte to its StartupMessage or CancelRequest.

Source: "Message Flow: Start-up, SSL Session Encryption, GSSAPI Session Encryption, Cancelling
Requests in Progress", and PostgreSQL's backend_startup.c where the text is silent.
"""

from collections.abc import Generator
from struct import Struct
from typing import Any

from protocols.api import Command, Send, Side, StartTls
from protocols.errors import ClientProtocolError, Reason, Refusal
from protocols.postgres.inbox import Inbox
from protocols.postgres.messages import (
    CANCEL_REQUEST_CODE,
    GSSENC_REQUEST,
    SSL_REQUEST,
    CancelRequest,
    StartupMessage,
)

NEWEST_VERSION = (3, 2)
_TLS_HANDSHAKE = b"\x16"
_VERSION = Struct(">HH")


def receive_startup(client: Inbox) -> Generator[Command, Any, StartupMessage | CancelRequest]:
    """Answer the client's questions about encryption, then read what it came for."""
    # SSLRequest and GSSENCRequest may each come once, in either order.
    unasked = {SSL_REQUEST, GSSENC_REQUEST}
    if (yield from client.peek(1)) == _TLS_HANDSHAKE:
        yield StartTls(Side.CLIENT, received=client.drain(), alpn="postgresql")
        unasked.clear()
    while (packet := (yield from client.startup_packet())) in unasked:
        unasked.remove(packet)
        if packet == GSSENC_REQUEST:
            yield Send(Side.CLIENT, b"N")
            continue
        if not client.empty:  # would be taken for sent under TLS: CVE-2021-23214
            raise ClientProtocolError("received unencrypted data after SSLRequest")
        yield Send(Side.CLIENT, b"S")
        yield StartTls(Side.CLIENT)
        unasked.clear()
    return _decode(packet)


def _decode(packet: bytes) -> StartupMessage | CancelRequest:
    major, minor = _VERSION.unpack_from(packet, 4)
    try:
        if packet[4:8] == CANCEL_REQUEST_CODE:
            return CancelRequest.decode(packet)
        if major != NEWEST_VERSION[0]:
            raise Refusal(
                Reason.UNSUPPORTED,
                f"unsupported frontend protocol {major}.{minor}: Keyless speaks 3.0 to 3.2",
            )
        startup = StartupMessage.decode(packet)
    except ValueError as error:
        raise ClientProtocolError(f"invalid startup packet layout: {error}") from None
    if not startup.parameters.get("user"):
        raise Refusal(Reason.LOGIN_REJECTED, "no PostgreSQL user name specified in startup packet")
    return startup

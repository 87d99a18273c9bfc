"""Starts TLS on either side of a session, and words how that fails: a server that proves nothing,
or one that refuses us.
"""

import re
import ssl
from collections.abc import Iterator
from contextlib import contextmanager

from protocols.api import Disconnected, Login, Side, StartTls, TcpEndpoint, Tls
from protocols.errors import (
    ClientProtocolError,
    LoginRejected,
    Reason,
    ServerProtocolError,
    misconfigured,
)
from proxy.connection import Connection

_ABOUT_OURS = re.compile(r"ALERT_(\w*CERTIFICATE\w*|UNKNOWN_CA)")


async def as_server(client: Connection, command: StartTls) -> Tls:
    assert client.own_tls is not None
    try:
        tls = await client.start_tls(client.own_tls, server_name=None, received=command.received)
    except ssl.SSLError as error:
        raise Disconnected(Side.CLIENT) from error
    if command.alpn not in (None, tls.selected_alpn_protocol()):
        raise ClientProtocolError(f"direct TLS needs the ALPN protocol {command.alpn}")
    return _describe(tls, verified=False)


async def as_client(
    upstream: Connection, command: StartTls, login: Login, context: ssl.SSLContext
) -> Tls:
    assert isinstance(login.endpoint, TcpEndpoint)
    try:
        tls = await upstream.start_tls(
            context, server_name=login.endpoint.host, received=command.received
        )
    except ssl.SSLError as error:
        raise certificate_refused(login, error) or _failed(login, error) from None
    return _describe(tls, verified=context.verify_mode is ssl.CERT_REQUIRED)


@contextmanager
def told_to_the_operator(login: Login) -> Iterator[None]:
    """A certificate or key of the role that is none: the client cannot mend it."""
    try:
        yield
    except ValueError as mistake:
        raise misconfigured(login.role, mistake) from None


def certificate_refused(login: Login, error: ssl.SSLError) -> LoginRejected | None:
    """Upstream's alert that the role's certificate will not do: another version of it may. In
    TLS 1.3 it comes after the handshake, instead of upstream's first word."""
    if not _ABOUT_OURS.search(error.reason or ""):
        return None
    what = "did not accept the role's certificate (SSLCERT)"
    if login.tls.certificate is None:
        what = "demands a client certificate; set SSLCERT and SSLKEY"
    sentence = f'upstream of role "{login.role}" {what}'
    return LoginRejected(sentence, code=error.reason, detail=str(error))


def _failed(login: Login, error: ssl.SSLError) -> ServerProtocolError:
    why = "TLS could not be established"
    if isinstance(error, ssl.SSLCertVerificationError):
        why = "its TLS certificate was not accepted"
    return ServerProtocolError(
        f'upstream of role "{login.role}": {why}',
        reason=Reason.UPSTREAM_INSECURE,
        detail=getattr(error, "verify_message", "") or str(error),
    )


def _describe(tls: ssl.SSLObject, *, verified: bool) -> Tls:
    return Tls(tls.version() or "", verified, tls.getpeercert(binary_form=True))

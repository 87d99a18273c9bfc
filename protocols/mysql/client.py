"""Keyless's own clients of a MySQL role: a probe that looks whether one is let in, and mysql."""

from collections.abc import Generator
from typing import Any

from protocols.api import ClientProgram, Command, Disconnected, Endpoint, Send, Side, TcpEndpoint
from protocols.errors import ServerProtocolError, UpstreamRefused
from protocols.mysql.capabilities import NEEDED, Capability
from protocols.mysql.exchange import Exchange
from protocols.mysql.greeting import OUR_PLUGIN
from protocols.mysql.messages import ERR, OK, QUIT, ErrPacket, HandshakeResponse
from protocols.mysql.packets import packet


def probe(role: str) -> Generator[Command, Any, None]:
    """Log in as a client of `role` and leave again. Raises the refusal that a client would see."""
    proxy = Exchange(Side.UPSTREAM)
    said = HandshakeResponse(
        capabilities=NEEDED | Capability.PLUGIN_AUTH,
        max_packet_size=1 << 24,
        charset=45,
        user=role,
        plugin=OUR_PLUGIN,
    )
    try:
        _let_through((yield from proxy.receive()))
        yield from proxy.send(said.encode())
        if _let_through((yield from proxy.receive()))[:1] != OK:
            raise ServerProtocolError("the proxy asks for a credential; it is not Keyless")
    except Disconnected:
        raise ServerProtocolError("the proxy closed the connection without a word") from None
    except ValueError:
        raise ServerProtocolError("the proxy does not speak MySQL's protocol") from None
    yield Send(Side.UPSTREAM, packet(0, QUIT))


def _let_through(payload: bytes) -> bytes:
    if payload[:1] == ERR:
        error = ErrPacket.decode(payload)
        raise UpstreamRefused(error.message, code=str(error.code))
    return payload


def mysql(endpoint: Endpoint, role: str, database: str | None) -> ClientProgram:
    """mysql on a listener, MySQL's or MariaDB's. It is told where to connect in so many words, for
    it takes `localhost` for a Unix socket; and to have no password, or it might ask for one."""
    if isinstance(endpoint, TcpEndpoint):
        place: tuple[str, ...] = (
            "--protocol=TCP",
            f"--host={endpoint.host}",
            f"--port={endpoint.port}",
        )
    else:
        place = ("--protocol=SOCKET", f"--socket={endpoint.path}")
    named = (f"--database={database}",) if database else ()
    return ClientProgram(
        arguments=("mysql", *place, f"--user={role}", "--skip-password", *named),
        environment={},
        hint="install MySQL's or MariaDB's client (Debian: apt install mariadb-client)",
    )

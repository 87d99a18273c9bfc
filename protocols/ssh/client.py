"""Keyless's own clients of an SSH role: a probe that looks whether one is let in, and ssh."""

import asyncio
import sys
from shlex import quote

from asyncssh import DisconnectError, SSHClient

from protocols.api import ClientProgram, Endpoint, Side, TcpEndpoint, UnixEndpoint
from protocols.carried import Ask, Attach, Await
from protocols.errors import Refusal, ServerProtocolError, UpstreamRefused
from protocols.ssh.legs import UpstreamLeg
from protocols.ssh.settings import as_client

_HERE = TcpEndpoint("localhost", 22)
# Hands ssh a connected socket, for it can connect to no Unix socket by itself.
_CONNECT = (
    "import socket as s; c = s.socket(s.AF_UNIX); c.connect({!r}); "
    's.send_fds(s.socket(fileno=1), [b"x"], [c.fileno()])'
)


class _Visitor(SSHClient):
    """Believes whoever it finds, for it says nothing but the role's name."""

    def __init__(self) -> None:
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def auth_completed(self) -> None:
        self.done.set_result(None)

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.done.done():
            self.done.set_exception(_refused(exc))


def _refused(exc: Exception | None) -> Refusal:
    if isinstance(exc, DisconnectError):
        return UpstreamRefused(exc.reason, code=str(exc.code))
    return ServerProtocolError("the proxy closed the connection without a word")


async def probe(role: str, ask: Ask) -> None:
    """Log in as a client of `role` and leave again. Raises the refusal that a client would see."""
    visitor = _Visitor()
    leg = UpstreamLeg(as_client(role, _HERE, None), visitor)
    await ask(Attach(Side.UPSTREAM, leg.protocol))
    try:
        await ask(Await(Side.UPSTREAM, visitor.done))
    finally:
        leg.close()
        await leg.closed.wait()


def ssh(endpoint: Endpoint, role: str, database: str | None) -> ClientProgram:
    """ssh on a listener. That it is the proxy's, `keyless connect` has from the kernel, so its key
    tells nothing more, and is not asked about."""
    if isinstance(endpoint, UnixEndpoint):
        script = quote(_CONNECT.format(endpoint.path).replace("%", "%%"))
        command = f"ProxyCommand={quote(sys.executable)} -c {script}"
        place = ["-o", command, "-o", "ProxyUseFdpass=yes", "localhost"]
    else:
        place = ["-p", str(endpoint.port), endpoint.host]
    unasked = ("StrictHostKeyChecking=no", "UserKnownHostsFile=/dev/null", "LogLevel=ERROR")
    options = [word for option in unasked for word in ("-o", option)]
    return ClientProgram(
        arguments=("ssh", *options, "-l", role, *place),
        environment={},
        hint="install OpenSSH's client (Debian: apt install openssh-client)",
    )

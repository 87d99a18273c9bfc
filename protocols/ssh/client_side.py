"""The client's half: it is asked for nothing, waits until upstream is in, and is told the end."""

from asyncssh import generate_private_key

from protocols.api import Wish
from protocols.errors import Refusal
from protocols.ssh.doorman import Doorman
from protocols.ssh.legs import ClientLeg
from protocols.ssh.refusals import disconnect_code
from protocols.ssh.settings import as_server


def make_host_key() -> bytes:
    return generate_private_key("ssh-ed25519", "keyless").export_private_key("openssh")


class Client:
    """One client's connection, to which the proxy is the server that has `host_key`."""

    def __init__(self, host_key: bytes) -> None:
        self.doorman = Doorman()
        self.leg = ClientLeg(as_server(host_key), self.doorman)

    async def wish(self) -> Wish:
        """What it says of itself. Raises Disconnected or ClientProtocolError."""
        name = await self.doorman.named
        self.leg.hold("login")  # what it sends before it is in would only pile up
        version = str(self.leg.get_extra_info("client_version"))
        return Wish(user=name, application=version.removeprefix("SSH-2.0-"))

    def welcome(self, banner: str) -> None:
        """Let it in, and tell it what upstream would tell it first."""
        if banner:
            self.leg.send_auth_banner(banner)
        if not self.doorman.open.done():
            self.doorman.open.set_result(None)
        self.leg.release("login")

    def refuse(self, refusal: Refusal) -> None:
        """Tell it why it is out. Some clients show the one, some the other."""
        if not self.doorman.open.done():
            self.leg.send_auth_banner(f"{refusal}\r\n")
        self.leg.disconnect(disconnect_code(refusal), str(refusal))

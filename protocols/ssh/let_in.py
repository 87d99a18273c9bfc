"""How a session begins: the client says which role it wants, and waits until upstream is in."""

from protocols.api import NeedLogin, Side
from protocols.carried import Attach, Await, Carriage, Host
from protocols.errors import LoginRejected, Refusal
from protocols.ssh.channels import Channels
from protocols.ssh.client_side import Client, make_host_key
from protocols.ssh.crossing import Crossing
from protocols.ssh.log_in import log_in
from protocols.ssh.login import SshLogin


async def let_in(host: Host) -> Carriage:
    """From a client's first byte to upstream being in; a refusal is told to the client."""
    client = Client(await host.own_key(make_host_key))
    await host.ask(Attach(Side.CLIENT, client.leg.protocol))
    try:
        return await _log_in_as_long_as_it_helps(host, client)
    except Refusal as refusal:
        client.refuse(refusal)
        await client.leg.closed.wait()
        raise
    except BaseException:
        client.leg.cut()
        await client.leg.closed.wait()
        raise


async def _log_in_as_long_as_it_helps(host: Host, client: Client) -> Crossing:
    """Try logins until upstream takes one, or there is none that it has not refused."""
    wish = await host.ask(Await(Side.CLIENT, client.wish()))
    rejected: LoginRejected | None = None
    while True:
        login: SshLogin = await host.ask(NeedLogin(wish, rejected))
        try:
            upstream = await log_in(login, host.ask)
        except LoginRejected as refusal:
            rejected = refusal
        else:
            channels = Channels(host.emit, host.clock, login.options, host.record)
            return Crossing(login.role, client, upstream, channels)

"""Upstream's half: one connection to the role's server, until it has let us in."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

from protocols.api import Compute, Connect, Side, TcpEndpoint
from protocols.carried import Ask, Attach, Await
from protocols.ssh.applicant import Applicant
from protocols.ssh.credentials import Credentials, prepare
from protocols.ssh.legs import UpstreamLeg
from protocols.ssh.login import SshLogin
from protocols.ssh.settings import as_client


@dataclass(frozen=True, slots=True)
class Upstream:
    """A connection that is in. `early` is what it sent at once."""

    leg: UpstreamLeg
    applicant: Applicant
    early: list[bytes]

    @property
    def facts(self) -> Mapping[str, str]:
        told = self.leg.get_extra_info
        key = self.leg.get_server_host_key()
        return {
            "server_version": str(told("server_version")).removeprefix("SSH-2.0-"),
            "method": self.applicant.method,
            "host_key": key.get_fingerprint() if key else "",
            "cipher": str(told("send_cipher")),
        }


async def log_in(login: SshLogin, ask: Ask) -> Upstream:
    """Raises Refusal."""
    credentials: Credentials = await ask(Compute(partial(prepare, login)))
    assert isinstance(login.endpoint, TcpEndpoint)
    applicant = Applicant(login.role, login.endpoint, credentials)
    options = as_client(credentials.user, login.endpoint, credentials.host_keys.known)
    await ask(Connect(login))
    leg = UpstreamLeg(options, applicant)
    early: list[bytes] = []
    leg.passed = early.append
    await ask(Attach(Side.UPSTREAM, leg.protocol))
    try:
        await ask(Await(Side.UPSTREAM, applicant.done))
    except BaseException:
        leg.cut()
        await leg.closed.wait()
        raise
    return Upstream(leg, applicant, early)


async def try_login(login: SshLogin, ask: Ask) -> Mapping[str, str]:
    """Log in and leave again: returns the session's facts."""
    upstream = await log_in(login, ask)
    facts = upstream.facts
    upstream.leg.close()
    await upstream.leg.closed.wait()
    return facts

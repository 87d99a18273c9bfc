"""Providers of the tests' own making, whose answers come when and as a test says.

For what no real server does on demand: to answer at a given moment, or never. The real ones are in
tests/providers and tests/end_to_end.
"""

import asyncio
import gc
import threading
from collections.abc import Mapping
from typing import ClassVar

from providers.api import Lease, Secret, SecretVersion, Stage
from providers.errors import ProviderError
from proxy.secrets import SecretReader
from tests.secrecy import canary

_LONGEST = 10.0


class StandIn:
    """Answers at once with 1, 2, 3 and so on as versions, or with what `answers` says for a stage.

    While `gate` is shut, reads wait at it.
    """

    name: ClassVar[str] = "standin"
    settings: ClassVar[tuple[str, ...]] = ()
    stages: ClassVar[tuple[Stage, ...]] = ()
    makes_secrets: ClassVar[bool] = False

    def __init__(self, environ: Mapping[str, str] | None = None) -> None:
        self.asked: list[Stage] = []
        self.answers: dict[Stage, str | Exception] = {}
        self.gate = threading.Event()
        self.gate.set()
        self.closed = False

    @classmethod
    def split(cls, text: str) -> tuple[str, str | None]:
        return text, "password"

    def fetch(self, secret: str, timeout: float, stage: Stage = Stage.CURRENT) -> SecretVersion:
        self.asked.append(stage)
        answer = self.answers.get(stage, str(len(self.asked)))
        self.gate.wait(_LONGEST)
        if isinstance(answer, Exception):
            raise answer
        return self._version(answer)

    def _version(self, name: str) -> SecretVersion:
        return SecretVersion({"password": password(name)}, version=name)

    async def until_asked(self, times: int) -> None:
        async with asyncio.timeout(_LONGEST):
            while len(self.asked) < times:
                await asyncio.sleep(0.005)

    def close(self) -> None:
        self.closed = True


class Immediate(StandIn):
    """One that waits for nothing. `threads` are those that it was asked in."""

    immediate: ClassVar[bool] = True

    def __init__(self, environ: Mapping[str, str] | None = None) -> None:
        super().__init__(environ)
        self.threads: set[int] = set()

    def _version(self, name: str) -> SecretVersion:
        self.threads.add(threading.get_ident())
        return super()._version(name)


class Keeper(StandIn):
    """One that keeps versions beside the current one."""

    stages = (Stage.PREVIOUS, Stage.PENDING)


class Maker(StandIn):
    """One that makes a secret for every read. `fault` is what becomes of renewing and revoking."""

    makes_secrets = True

    def __init__(self, environ: Mapping[str, str] | None = None) -> None:
        super().__init__(environ)
        self.seconds = 3600.0
        self.renewable = True
        self.renewed: list[str] = []
        self.revoked: list[str] = []
        self.fault: ProviderError | None = None

    def _version(self, name: str) -> SecretVersion:
        return SecretVersion({"password": password(name)}, version=name, lease=self.lease(name))

    def lease(self, name: str) -> Lease:
        return Lease(f"lease/{name}", self.seconds, self.renewable)

    def renew(self, lease: Lease, timeout: float) -> Lease:
        self.renewed.append(lease.id)
        if self.fault is not None:
            raise self.fault
        return Lease(lease.id, self.seconds, self.renewable)

    def revoke(self, lease_id: str, timeout: float) -> None:
        if self.fault is not None:
            raise self.fault
        self.revoked.append(lease_id)


def password(version: str) -> Secret:
    """What a version's key `password` holds."""
    return Secret(canary(f"-{version}"))


async def told(reader: SecretReader, *, fresh: bool = False) -> tuple[str, str]:
    """The version that a session gets, and from where."""
    read = await reader.read(("standin", "app"), fresh=fresh)
    return read.version.version, read.source


def in_memory(version: str) -> int:
    """How many copies of a version's password this process has, but for the one made here."""
    sought = password(version)
    gc.collect()
    found = [thing for thing in gc.get_objects() if isinstance(thing, Secret) and thing == sought]
    return len(found) - 1


async def forgotten(version: str) -> bool:
    """Whether no copy is left; the thread that read it may have it a moment longer than we do."""
    for _ in range(100):
        if not in_memory(version):
            return True
        await asyncio.sleep(0.01)
    return False

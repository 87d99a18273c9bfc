"""The two ways to one sshd: directly with a key, and through Keyless without one."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.peers import Peer
from tests.keyless import Keyless, role
from tests.servers.openssh import HOST, USER, OpenSsh, private_text

# OpenSSH prefers a key exchange that Keyless has not, and that costs each side a tenth of a second.
_KEY_EXCHANGE = "-oKexAlgorithms=curve25519-sha256"
_ALIKE = (
    _KEY_EXCHANGE,
    *("-F", "none", "-oBatchMode=yes", "-oIdentityAgent=none", "-oIdentitiesOnly=yes"),
    *("-oNoHostAuthenticationForLocalhost=yes", "-oLogLevel=ERROR", "-oConnectTimeout=60"),
    *(f"-oUser={USER}", "-oUserKnownHostsFile=/dev/null"),
)


@dataclass(frozen=True, slots=True)
class Way:
    """`options` are what ssh, scp and sftp understand alike; `peer` is who does the work of it."""

    peer: Peer
    options: tuple[str, ...]

    @property
    def name(self) -> str:
        return self.peer.name

    def program(self, name: str, *more: str) -> list[str]:
        """ssh, scp or sftp; of what is said twice, they take the first."""
        return [name, *more, *self.options]

    def ssh(self, command: str, *more: str) -> list[str]:
        return [*self.program("ssh", *more), HOST, command]

    @property
    def command(self) -> str:
        """ssh as rsync and git are told it."""
        return " ".join(self.program("ssh"))


@dataclass(frozen=True, slots=True)
class World:
    """Both ways, and two folders: what is in `there` is what the server has."""

    ways: tuple[Way, Way]
    here: Path
    there: Path


@contextmanager
def world(folder: Path, keyless_folder: Path) -> Iterator[World]:
    """A server and Keyless with its audit on, which end with the context."""
    here, key = folder / "here", folder / "key"
    here.mkdir()
    with OpenSsh() as server:
        key.touch(0o600)
        key.write_text(private_text(server.key))
        login = {"USER": USER, "PRIVATE_KEY": str(key), "KNOWN_HOSTS": server.host_line}
        text = role("bench", server.port, kind="ssh", PASS=None, DB=None, **login)
        with Keyless(keyless_folder, text) as keyless:
            direct = _way("direct", server.port, None, str(key))
            through = _way("through", keyless.places["bench"][1], keyless.process.pid, "none")
            yield World((direct, through), here, server.home)


def _way(name: str, port: int, pid: int | None, key: str) -> Way:
    return Way(Peer(name, port, pid), (*_ALIKE, f"-oPort={port}", f"-oIdentityFile={key}"))

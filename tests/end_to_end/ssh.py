"""What the end-to-end tests of SSH roles share: a role's table, and OpenSSH's programs as clients.

The clients have no key, no agent, no configuration of anybody's, and nobody to ask.
"""

import json
import os
import socket
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.end_to_end.conftest import StartKeyless
from tests.end_to_end.programs import find
from tests.keyless import Keyless, role
from tests.secrecy import CANARY
from tests.servers.openssh import HOST, USER, OpenSsh, private_text

SSH, SCP, SFTP = map(find, ("ssh", "scp", "sftp"))
SECRET = "KEYLESS_TEST_SECRET_SSH"  # the name of its variable
PRIVATE_KEY = f"_envjson:{SECRET}:private_key"
PASSWORD = f"_envjson:{SECRET}:password"
_PATIENCE = 60.0


def secrets(server: OpenSsh, **more: str) -> Mapping[str, str]:
    """Keyless's environment: what may log in to `server`."""
    secret = {"private_key": private_text(server.key), "password": CANARY}
    return {SECRET: json.dumps(secret | more)}


def ssh_role(name: str, server: OpenSsh | int, **more: Any) -> str:
    """A role that logs in to `server` (or a port) by its key, with some settings changed."""
    usual: dict[str, Any] = {"kind": "ssh", "USER": USER, "PASS": None, "DB": None}
    usual |= {"PRIVATE_KEY": PRIVATE_KEY}
    if isinstance(server, OpenSsh):
        usual["KNOWN_HOSTS"] = server.host_line
    port = server if isinstance(server, int) else server.port
    return role(name, port, **(usual | more))


@dataclass(frozen=True, slots=True)
class Client:
    """A user's own machine: `folder` has the client's configuration, `place` is the proxy's."""

    folder: Path
    place: tuple[str, int]
    user: str = "joes-own-name"

    @property
    def options(self) -> list[str]:
        """What ssh, scp and sftp understand alike."""
        settings = {
            "Port": self.place[1],
            "User": self.user,
            "NoHostAuthenticationForLocalhost": "yes",
            "UserKnownHostsFile": self.folder / "known_hosts",
            "IdentityFile": "none",
            "IdentityAgent": "none",
            "BatchMode": "yes",
            "ConnectTimeout": 30,
        }
        return ["-F", "none", *(f"-o{name}={value}" for name, value in settings.items())]

    @property
    def command(self) -> str:
        """ssh as rsync and git are told it."""
        return " ".join([SSH, *self.options])

    def ssh(self, *arguments: str, options: list[str] | None = None) -> list[str]:
        """A command line; of what is said twice, ssh takes the first."""
        return [SSH, *(options or []), *self.options, self.place[0], *arguments]

    def run(
        self, *arguments: str, stdin: str | bytes = b"", options: list[str] | None = None
    ) -> subprocess.CompletedProcess[bytes]:
        """Run a command over there, to its end."""
        return self.program(*self.ssh(*arguments, options=options), stdin=stdin)

    def program(
        self, *command: str, stdin: str | bytes = b"", more: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[bytes]:
        """Run a program over here, to its end."""
        return subprocess.run(
            command,
            input=stdin.encode() if isinstance(stdin, str) else stdin,
            capture_output=True,
            timeout=_PATIENCE,
            check=False,
            env={**self.environment, **(more or {})},
        )

    @property
    def environment(self) -> dict[str, str]:
        return {"PATH": os.environ["PATH"], "HOME": str(self.folder), "LC_ALL": "C.UTF-8"}


def client(keyless: Keyless, place: str, folder: Path, user: str | None = None) -> Client:
    """Of a role's own listener, or of the shared one as `user`."""
    named = {"user": user} if user else {}
    return Client(folder, keyless.places[place], **named)


def well(done: subprocess.CompletedProcess[bytes]) -> str:
    """What a program said that has succeeded."""
    assert done.returncode == 0, done.stderr.decode(errors="replace")
    return done.stdout.decode()


@pytest.fixture
def keyless(start_keyless: StartKeyless, openssh: OpenSsh) -> Keyless:
    """One role, that allows what a role does by itself."""
    return start_keyless(ssh_role("web", openssh), secrets(openssh))


@pytest.fixture
def joe(keyless: Keyless, tmp_path: Path) -> Client:
    return client(keyless, "web", tmp_path)


def free_port() -> int:
    with socket.create_server((HOST, 0)) as listener:
        return int(listener.getsockname()[1])

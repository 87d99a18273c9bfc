"""The conversations that are recorded of OpenSSH's own programs, through Keyless in this process.

What is recorded are the packets of both sides after login, before anything is decided about them.
Names of this machine are replaced by others that are as long.
"""

import asyncio
import socket
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any
from unittest.mock import patch

from protocols.api import Side, TcpEndpoint
from protocols.ssh.channels import Channels, Verdict
from protocols.ssh.encoding import string
from proxy.config import parse_text
from proxy.server import Server
from tests.end_to_end.ssh import SFTP, Client, secrets, ssh_role
from tests.fuzz.conversation import Conversation, Step
from tests.fuzz.recording import Recording
from tests.fuzz.ssh.framing import SESSION
from tests.servers.openssh import OpenSsh

_OPEN = (
    'forward_local = ["*"]\nforward_remote = ["*"]\nforward_agent = true\nforward_x11 = true\n'
    'accept_env = ["*"]'
)
_PATIENCE = 30.0
_BATCH = """put {file} up
get up down
ls -l
mkdir folder
rename up folder/moved
chmod 600 folder/moved
ln -s folder/moved link
df
rm link
rm folder/moved
rmdir folder
get nothing none
"""

_Program = tuple[Sequence[str], str]
"""Arguments of ssh, options before the host and the command behind, and what it is told."""

_SESSIONS: Mapping[str, _Program] = {
    "command": ((":", "echo hello; echo oh >&2; cat; exit 3"), "input"),
    "command_that_is_killed": ((":", "kill -TERM $$"), ""),
    "shell": ((":",), "echo hello; exit 4\n"),
    "terminal": (("-tt", ":", "stty size; tty | wc -l; read line; echo $line"), "typed\n"),
    "variables": (("-oSetEnv=LANG=C.UTF-8", ":", "echo $LANG"), ""),
    "keepalives": (("-oServerAliveInterval=1", ":", "sleep 3"), ""),
    "no_such_subsystem": (("-s", ":", "none"), ""),
    "forward": (("-W", "127.0.0.1:{echo}", ":"), "hello"),
    "forward_to_nobody": (("-W", "127.0.0.1:1", ":"), "hello"),
    "listener": (("-R0:127.0.0.1:{echo}", ":", "sleep 1"), ""),
    "listener_that_is_taken": (("-R/:127.0.0.1:{echo}", ":", "true"), ""),
}


class _Recorded(Channels):
    """Channels that remember who said what."""

    steps: list[Step]

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.steps = []
        _made.append(self)

    def client_sent(self, packet: bytes) -> Verdict | None:
        self._remember(Side.CLIENT, packet)
        return super().client_sent(packet)

    def upstream_sent(self, packet: bytes) -> Verdict | None:
        self._remember(Side.UPSTREAM, packet)
        return super().upstream_sent(packet)

    def _remember(self, side: Side, packet: bytes) -> None:
        said = string(packet)
        if self.steps and self.steps[-1].side is side:
            said = self.steps.pop().data + said
        self.steps.append(Step(side, said))


_made: list[_Recorded] = []


def recordings() -> Iterator[Recording]:
    with OpenSsh() as server, tempfile.TemporaryDirectory(prefix="keyless-fuzz-") as folder:
        version = subprocess.run(["ssh", "-V"], capture_output=True, text=True, check=True).stderr
        about = f"{version.split(',')[0].split()[0]}, recorded"
        names = (str(server.home), folder, socket.gethostname())
        for name, said in asyncio.run(_record(server, Path(folder))):
            yield Recording("sessions", name, about, SESSION, _without(names, said))


async def _record(server: OpenSsh, folder: Path) -> list[tuple[str, Conversation]]:
    text = ssh_role("web", server, settings=_OPEN)
    proxy = Server(parse_text(text, folder / "keyless.toml"), secrets(server))
    with patch.object(import_module("protocols.ssh.let_in"), "Channels", _Recorded):
        ((_, endpoint),) = proxy.start()
        assert isinstance(endpoint, TcpEndpoint)
        joe = Client(folder, (endpoint.host, endpoint.port))
        echo = await asyncio.start_server(_echo, "127.0.0.1", 0)
        for command, told in _commands(joe, echo.sockets[0].getsockname()[1], folder):
            await asyncio.to_thread(joe.program, *command, stdin=told)
        await proxy.stop()
        echo.close()
    names = [*_SESSIONS, "sftp"]
    said = [Conversation(tuple(made.steps)) for made in _made]
    return list(zip(names, said, strict=True))


def _commands(joe: Client, echo: int, folder: Path) -> Iterator[tuple[list[str], str]]:
    for words, told in _SESSIONS.values():
        place = words.index(":")
        options = [word.format(echo=echo) for word in words[:place]]
        yield joe.ssh(*words[place + 1 :], options=options), told
    (folder / "file").write_bytes(b"content" * 20)
    batch = _BATCH.format(file=folder / "file").replace(" down", f" {folder}/down")
    yield [SFTP, "-b", "-", *joe.options, joe.place[0]], batch


async def _echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(await reader.read(100))
    writer.close()


def _without(names: Sequence[str], said: Conversation) -> Conversation:
    steps = []
    for step in said.steps:
        data = step.data
        for name in filter(None, names):
            data = data.replace(name.encode(), b"/" + b"x" * (len(name) - 1))
        steps.append(Step(step.side, data))
    return Conversation(tuple(steps))

"""What larger tools make of SSH, such as Ansible and VS Code, and what hosts lie behind a role."""

import re
import shlex
import socket
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.end_to_end.conftest import StartKeyless
from tests.end_to_end.programs import find
from tests.end_to_end.ssh import SSH, Client, client, free_port, secrets, ssh_role, well
from tests.servers.openssh import HOST, USER, OpenSsh, private_text
from tests.waiting import eventually

ANSIBLE = find("ansible")
_SIZE = 3_000_000


@pytest.fixture
def joe(start_keyless: StartKeyless, openssh: OpenSsh, tmp_path: Path) -> Client:
    return client(start_keyless(ssh_role("web", openssh), secrets(openssh)), "web", tmp_path)


class Ansible:
    """Ansible's ad-hoc commands on two hosts at once, both of which are one."""

    def __init__(self, joe: Client) -> None:
        self._joe, folder = joe, joe.folder
        host, port = joe.place
        hosts = (
            f"web{number} ansible_host={host} ansible_port={port} ansible_user=joe "
            f"ansible_python_interpreter={shlex.quote(sys.executable)}\n"
            for number in range(2)
        )
        self._inventory = folder / "inventory"
        self._inventory.write_text("".join(hosts))
        self._settings = {
            "ANSIBLE_HOST_KEY_CHECKING": "False",
            "ANSIBLE_LOCAL_TEMP": str(folder / "local"),
            "ANSIBLE_HOME": str(folder / "ansible"),
            "ANSIBLE_SSH_ARGS": "-F none -o ControlMaster=auto -o ControlPersist=5s",
            "ANSIBLE_SSH_CONTROL_PATH_DIR": str(folder),
        }

    def run(self, module: str, arguments: str = "", *, hosts: str = "all") -> str:
        command = [ANSIBLE, "-i", str(self._inventory), hosts, "-m", module, "-a", arguments]
        return well(self._joe.program(*command, more=self._settings))


def test_ansible(joe: Client, openssh: OpenSsh) -> None:
    ansible = Ansible(joe)
    told = ansible.run("ping")
    assert [told.count(words) for words in (" | SUCCESS => ", '"ping": "pong"')] == [2, 2]
    source, target = joe.folder / "source", openssh.home / "by_ansible"
    source.write_bytes(bytes(range(256)) * 1000)
    copy = f"src={source} dest={target} mode=0640"
    assert '"changed": true' in ansible.run("copy", copy, hosts="web0")
    assert target.read_bytes() == source.read_bytes()
    assert target.stat().st_mode & 0o777 == 0o640


def test_a_jump_by_way_of_a_role(
    start_keyless: StartKeyless, openssh: OpenSsh, tmp_path: Path
) -> None:
    """`ssh -J`, once on the command line and once as a host's way in a configuration."""
    text = ssh_role("web", openssh, settings=f'forward_local = ["{HOST}:{openssh.port}"]')
    keyless = start_keyless(text, secrets(openssh))
    key, config = tmp_path / "own_key", tmp_path / "config"
    key.touch(0o600)
    key.write_text(private_text(openssh.key))
    known = tmp_path / "known"
    known.write_text(f"far {openssh.host_line}\n")
    ports = {"proxy": keyless.places["web"][1], "behind": openssh.port}
    config.write_text(_HOSTS.format(**ports, key=key, known=known))
    joe, audit = client(keyless, "web", tmp_path), keyless.audit()
    ssh = [SSH, "-F", str(config)]
    assert well(joe.program(*ssh, "-J", "web", "far", "echo $USER")) == f"{USER}\n"
    assert well(joe.program(*ssh, "behind-web", "echo $USER")) == f"{USER}\n"
    forwards = audit.wait("ssh.forward", 2)
    assert {forward["target"] for forward in forwards} == {f"{HOST}:{openssh.port}"}


_HOSTS = """\
Host *
    BatchMode yes
    NoHostAuthenticationForLocalhost yes
    UserKnownHostsFile {known}
    HostName 127.0.0.1
Host web
    Port {proxy}
    IdentityFile none
Host far behind-web
    Port {behind}
    User joe
    IdentityFile {key}
    HostKeyAlias far
Host behind-web
    ProxyJump web
"""


@contextmanager
def _vs_code(joe: Client, place: str, *options: str) -> Iterator[tuple[str, str]]:
    """What VS Code's Remote-SSH does first: bash with a script on its input, in a session that goes
    on. The script installs a server and starts it at `place`; it tells where that listens, and its
    process."""
    with subprocess.Popen(
        joe.ssh("bash", options=["-T", *options]),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=joe.environment,
    ) as ssh:
        assert ssh.stdin is not None
        assert ssh.stdout is not None
        try:
            ssh.stdin.write(_INSTALL.format(place=place, server=_SERVER))
            ssh.stdin.flush()
            told = "".join(iter(ssh.stdout.readline, "end==\n"))
            found = re.search(r"listeningOn==(\S+)==\npid==(\d+)==", told)
            assert found, told
            yield found[1], found[2]
        finally:
            ssh.stdin.write("kill $server\n")
            ssh.stdin.close()
            ssh.wait(30)


_INSTALL = """\
folder=$(mktemp -d)
cat >$folder/server <<'EOF'
{server}
EOF
python3 $folder/server {place} </dev/null >$folder/log 2>&1 &
server=$!
for attempt in $(seq 200); do
    [ -s $folder/log ] && break
    sleep 0.1
done
echo "listeningOn==$(cat $folder/log)=="
echo "pid==$server=="
rm -r $folder
echo end==
"""
_SERVER = """\
import asyncio, sys
async def serve(reader, writer):
    await reader.readuntil(bytes((13, 10, 13, 10)))
    writer.write(b"HTTP/1.1 101 Switching Protocols" + bytes((13, 10, 13, 10)))
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()
    writer.close()
async def main():
    place = sys.argv[1]
    if place.isdigit():
        server = await asyncio.start_server(serve, "127.0.0.1", place)
        place = server.sockets[0].getsockname()[1]
    else:
        server = await asyncio.start_unix_server(serve, place)
    print(place, flush=True)
    await server.serve_forever()
asyncio.run(main())"""


def _upgrade(connection: socket.socket) -> bool:
    """What it does then, several times at once: a WebSocket's greeting, and much in both ways."""
    with connection, ThreadPoolExecutor(1) as sender:
        connection.sendall(b"GET /?reconnection=false HTTP/1.1\r\nUpgrade: websocket\r\n\r\n")
        greeting = b"HTTP/1.1 101 Switching Protocols\r\n\r\n"
        assert _read(connection, len(greeting)) == greeting
        data = bytes(range(256)) * (_SIZE // 256)
        sent = sender.submit(connection.sendall, data)
        back = _read(connection, len(data))
        sent.result()
        return back == data


def _read(connection: socket.socket, size: int) -> bytes:
    read = bytearray()
    while len(read) < size and (chunk := connection.recv(size - len(read))):
        read += chunk
    return bytes(read)


def _by_socks(proxy: int, port: int) -> socket.socket:
    connection = socket.create_connection((HOST, proxy), 30)
    connection.sendall(b"\x05\x01\x00\x05\x01\x00\x01" + socket.inet_aton(HOST))
    connection.sendall(port.to_bytes(2, "big"))
    assert _read(connection, 12)[:4] == b"\x05\x00\x05\x00"
    return connection


def test_what_vs_code_does_by_a_port(
    start_keyless: StartKeyless, openssh: OpenSsh, tmp_path: Path
) -> None:
    """Its server listens on a port of its choice, and `ssh -D` leads there."""
    text = ssh_role("web", openssh, settings=f'forward_local = ["{HOST}:*"]')
    keyless = start_keyless(text, secrets(openssh))
    audit, proxy = keyless.audit(), free_port()
    with _vs_code(client(keyless, "web", tmp_path), "0", f"-D{proxy}") as (port, _):
        with ThreadPoolExecutor(4) as pool:
            assert all(pool.map(lambda _: _upgrade(_by_socks(proxy, int(port))), range(4)))
        told = audit.wait("ssh.forward", 4)
    assert {event["target"] for event in told} == {f"{HOST}:{port}"}
    assert audit.one("ssh.exec")["command"] == "bash"


def test_what_vs_code_does_by_a_socket(
    start_keyless: StartKeyless, openssh: OpenSsh, tmp_path: Path
) -> None:
    """With remoteServerListenOnSocket, a second `ssh -L` leads there."""
    place, tunnel = tmp_path / "vscode-server-sock", tmp_path / "tunnel"
    text = ssh_role("web", openssh, settings=f'forward_local = ["unix:{tmp_path}/vscode-*"]')
    keyless = start_keyless(text, secrets(openssh))
    joe, audit = client(keyless, "web", tmp_path), keyless.audit()
    with _vs_code(joe, str(place)), _tunnel(joe, f"{tunnel}:{place}"):
        eventually(tunnel.exists)
        connection = socket.socket(socket.AF_UNIX)
        connection.settimeout(30)
        connection.connect(str(tunnel))
        assert _upgrade(connection)
        assert audit.one("ssh.forward")["target"] == f"unix:{place}"


@contextmanager
def _tunnel(joe: Client, forward: str) -> Iterator[None]:
    """Until its input ends; a signal may come before ssh minds it."""
    with subprocess.Popen(
        joe.ssh("cat", options=["-T", f"-L{forward}"]),
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        env=joe.environment,
    ):
        yield

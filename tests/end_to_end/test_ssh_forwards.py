"""Ports that are forwarded either way, hosts behind the role's, and agents: where a role allows."""

import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from tests.end_to_end.conftest import StartKeyless
from tests.end_to_end.ssh import Client, client, free_port, secrets, ssh_role, well
from tests.keyless import Event, Keyless
from tests.servers.openssh import HOST, USER, OpenSsh, private_text
from tests.waiting import eventually

_OPEN = f'forward_local = ["{HOST}:*"]\nforward_remote = ["*:*"]\nforward_agent = true'


@pytest.fixture
def keyless(start_keyless: StartKeyless, openssh: OpenSsh) -> Keyless:
    text = ssh_role("open", openssh, settings=_OPEN) + ssh_role("shut", openssh)
    return start_keyless(text, secrets(openssh))


@pytest.fixture
def echo() -> Iterator[int]:
    """The port of a server that says what it is told."""
    server = subprocess.Popen(
        ["python3", "-c", _ECHO], stdout=subprocess.PIPE, text=True, env={"PATH": "/usr/bin:/bin"}
    )
    assert server.stdout is not None
    yield int(server.stdout.readline())
    server.kill()
    server.wait()


_ECHO = """
import asyncio
async def echo(reader, writer):
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()
    writer.close()
async def main():
    server = await asyncio.start_server(echo, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()
asyncio.run(main())
"""


def _said(port: int, data: bytes) -> bytes:
    """What comes back for `data`, and then the end; b"" where it is cut off."""
    with socket.create_connection((HOST, port), 10) as connection:
        connection.sendall(data)
        connection.shutdown(socket.SHUT_WR)
        back = b""
        with suppress(ConnectionResetError):
            while chunk := connection.recv(65536):
                back += chunk
        return back


@contextmanager
def _running(joe: Client, *options: str) -> Iterator[subprocess.Popen[bytes]]:
    running = subprocess.Popen(
        joe.ssh("-N", options=list(options)), stdin=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    try:
        yield running
    finally:
        _end(running)


def _end(ssh: subprocess.Popen[bytes]) -> None:
    """A signal that comes just before ssh begins to wait is lost on it."""
    while ssh.poll() is None:
        ssh.terminate()
        with suppress(subprocess.TimeoutExpired):
            ssh.wait(1)


def _reaches(port: int) -> bool:
    try:
        socket.create_connection((HOST, port), 1).close()
    except OSError:
        return False
    return True


def test_local(keyless: Keyless, echo: int, tmp_path: Path) -> None:
    audit = keyless.audit()
    port, data = free_port(), bytes(5_000_000)
    with _running(client(keyless, "open", tmp_path), f"-L{port}:{HOST}:{echo}"):
        eventually(lambda: _reaches(port))
        assert _said(port, data) == data
        told = audit.wait("ssh.forward", 2)
    assert str(echo) in str(told)


def test_local_where_it_is_not_allowed(keyless: Keyless, echo: int, tmp_path: Path) -> None:
    port = free_port()
    with _running(client(keyless, "shut", tmp_path), f"-L{port}:{HOST}:{echo}") as running:
        eventually(lambda: _reaches(port))
        assert _said(port, b"hello") == b""
        _end(running)
        assert running.stderr is not None
        assert b"administratively prohibited" in running.stderr.read()


def test_remote(keyless: Keyless, echo: int, tmp_path: Path) -> None:
    audit = keyless.audit()
    port, data = free_port(), bytes(5_000_000)
    with _running(client(keyless, "open", tmp_path), f"-R{port}:{HOST}:{echo}"):
        eventually(lambda: _reaches(port))
        assert _said(port, data) == data
        listening = audit.one("ssh.listener")
        assert (listening["target"], listening["accepted"]) == (f"localhost:{port}", True)
        assert audit.one("ssh.forward", bytes_in=len(data))["target"] == f"localhost:{port}"


def test_a_listener_comes_and_goes(keyless: Keyless, echo: int, tmp_path: Path) -> None:
    """At a port of upstream's choice, and then no more; a path that is taken is not to be had."""
    audit = keyless.audit()
    taken = tmp_path / "control"
    control = [f"-oControlPath={taken}"]
    joe = client(keyless, "open", tmp_path)

    def ask(*words: str) -> "subprocess.CompletedProcess[bytes]":
        return joe.program(*joe.ssh(options=[*control, *words]))

    with _running(joe, "-M", *control):
        eventually(taken.exists)
        port = int(well(ask("-O", "forward", f"-R0:{HOST}:{echo}")))
        assert _said(port, b"hello") == b"hello"
        assert ask("-O", "forward", f"-R{taken}:{HOST}:{echo}").returncode != 0
        well(ask("-O", "cancel", f"-R0:{HOST}:{echo}"))
        told = [_heard(event) for event in audit.wait("ssh.listener", 3)]
    bound = f"localhost:{port}"
    assert told == [
        ("listen", "localhost:0", bound, True),
        ("listen", f"unix:{taken}", None, False),
        ("cancel", bound, bound, True),
    ]
    assert not _reaches(port)


def _heard(event: Event) -> tuple[object, ...]:
    return tuple(event[field] for field in ("operation", "target", "bound", "accepted"))


def test_remote_where_it_is_not_allowed(keyless: Keyless, echo: int, tmp_path: Path) -> None:
    options = [f"-R{free_port()}:{HOST}:{echo}", "-oExitOnForwardFailure=yes"]
    done = client(keyless, "shut", tmp_path).run("true", options=options)
    assert done.returncode == 255
    assert b"remote port forwarding failed" in done.stderr


def test_dynamic(keyless: Keyless, echo: int, tmp_path: Path) -> None:
    port = free_port()
    with _running(client(keyless, "open", tmp_path), f"-D{port}"):
        eventually(lambda: _reaches(port))
        with socket.create_connection((HOST, port), 10) as proxy:
            proxy.sendall(b"\x05\x01\x00")
            assert proxy.recv(2) == b"\x05\x00"
            address = socket.inet_aton(HOST) + echo.to_bytes(2, "big")
            proxy.sendall(b"\x05\x01\x00\x01" + address)
            assert proxy.recv(10)[:2] == b"\x05\x00"
            proxy.sendall(b"hello")
            assert proxy.recv(5) == b"hello"


def test_a_jump_to_another_host(keyless: Keyless, openssh: OpenSsh, tmp_path: Path) -> None:
    """Encrypted from end to end, so what opens the other host is the client's own."""
    key = tmp_path / "own_key"
    key.write_text(private_text(openssh.key))
    key.chmod(0o600)
    joe = client(keyless, "open", tmp_path)
    jump = f"ProxyCommand={joe.command} -W {HOST}:{openssh.port} {HOST}"
    done = joe.program(
        *["ssh", "-F", "none", "-o", jump, "-i", str(key), "-oBatchMode=yes"],
        *["-oStrictHostKeyChecking=no", "-oUserKnownHostsFile=/dev/null", "-l", USER, "behind"],
        "echo far",
    )
    assert well(done) == "far\n"


@pytest.mark.parametrize(("role", "offered"), [("open", "yes"), ("shut", "no")])
def test_an_agent(keyless: Keyless, tmp_path: Path, role: str, offered: str) -> None:
    agent = subprocess.Popen(["ssh-agent", "-D", "-a", f"{tmp_path}/agent"])
    try:
        eventually((tmp_path / "agent").exists)
        audit = keyless.audit()
        joe = client(keyless, role, tmp_path)
        options = ["-A", f"-oIdentityAgent={tmp_path}/agent"]
        command = 'test -S "$SSH_AUTH_SOCK" && echo yes || echo no'
        assert well(joe.run(command, options=options)) == f"{offered}\n"
        if offered == "yes":
            listed = joe.run("ssh-add -l", options=options)
            assert listed.stdout == b"The agent has no identities.\n"
            assert audit.one("ssh.forward")["direction"] == "agent"
        else:
            assert audit.one("ssh.denied")["request"] == "auth-agent-req@openssh.com"
    finally:
        agent.kill()
        agent.wait()

"""Clients that are not OpenSSH, none of which has a credential."""

import asyncio

import asyncssh
import paramiko
import pytest

from tests.end_to_end.conftest import StartKeyless
from tests.end_to_end.ssh import secrets, ssh_role
from tests.keyless import Keyless
from tests.servers.openssh import OpenSsh


@pytest.fixture
def keyless(start_keyless: StartKeyless, openssh: OpenSsh) -> Keyless:
    return start_keyless(ssh_role("web", openssh), secrets(openssh))


def _paramiko(keyless: Keyless, **credential: object) -> paramiko.SSHClient:
    host, port = keyless.places["web"]
    session = paramiko.SSHClient()
    session.set_missing_host_key_policy(paramiko.MissingHostKeyPolicy())
    session.connect(
        host,
        port,
        "anybody",
        allow_agent=False,
        look_for_keys=False,
        **credential,
    )
    return session


@pytest.mark.parametrize(
    "credential",
    [{"password": "anything"}, {"pkey": paramiko.ECDSAKey.generate()}],
    ids=["a password", "a key"],
)
def test_paramiko(keyless: Keyless, openssh: OpenSsh, credential: dict[str, object]) -> None:
    """It gives something before it is asked, whatever that is."""
    with _paramiko(keyless, **credential) as session:
        _, out, err = session.exec_command("echo out; echo err >&2; exit 4")
        assert (out.read(), err.read()) == (b"out\n", b"err\n")
        assert out.channel.recv_exit_status() == 4
        sftp = session.open_sftp()
        with sftp.open(f"{openssh.home}/by_paramiko", "wb") as file:
            file.write(b"x" * 100_000)
        assert sftp.stat(f"{openssh.home}/by_paramiko").st_size == 100_000


def test_paramiko_without_anything(keyless: Keyless) -> None:
    host, port = keyless.places["web"]
    with paramiko.Transport((host, port)) as transport:
        transport.start_client(timeout=15)
        transport.auth_none("anybody")
        channel = transport.open_session()
        channel.exec_command("echo in")
        assert channel.makefile().read() == b"in\n"


async def test_asyncssh(keyless: Keyless) -> None:
    host, port = keyless.places["web"]
    async with asyncssh.connect(
        host, port, username="anybody", known_hosts=None, config=None, client_keys=None
    ) as session:
        many = [session.run(f"echo {n}; exit {n}") for n in range(20)]
        done = await asyncio.gather(*many)
        assert [(run.stdout, run.exit_status) for run in done] == [(f"{n}\n", n) for n in range(20)]
        async with session.create_process("cat", encoding=None) as cat:
            cat.stdin.write(b"over there")
            cat.stdin.write_eof()
            assert await cat.stdout.read() == b"over there"

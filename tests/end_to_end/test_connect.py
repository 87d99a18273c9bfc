"""`keyless connect` trusts nobody who happens to listen where the proxy should."""

import os
import pwd
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from proxy.demo.postgres import EmbeddedPostgres
from tests.end_to_end.programs import NO_FILE, find, run
from tests.keyless import COMMAND, Keyless, environment, role

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can be somebody else")

_PYTHON = find("python3", path=os.defpath)  # our own may be below /root
_NOBODY = ("setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups", "--")
_LISTEN = """
import socket, time
listener = socket.create_server(("127.0.0.1", 0))
print(listener.getsockname()[1], flush=True)
time.sleep(60)
"""


@pytest.fixture
def nobodys_port() -> Iterator[str]:
    """Connections are taken by the kernel alone: nobody would learn what is sent, or answer."""
    with subprocess.Popen(
        [*_NOBODY, _PYTHON, "-c", _LISTEN], stdout=subprocess.PIPE, text=True, cwd="/"
    ) as process:
        assert process.stdout is not None
        yield process.stdout.readline().strip()
        process.kill()


def _connect(config: Path, name: str) -> "subprocess.CompletedProcess[str]":
    arguments = ["connect", name, "--config", str(config), "--", "-XAtc", "SELECT 'through'"]
    return run(COMMAND, *arguments, environment=environment({"PGPASSFILE": NO_FILE}))


def test_a_port_that_another_user_holds(
    artefacts: Path, latest_postgres: EmbeddedPostgres, nobodys_port: str
) -> None:
    config = artefacts / "connect-stranger.toml"
    config.write_text(role("app", latest_postgres, listen=f"127.0.0.1:{nobodys_port}"))
    done = _connect(config, "app")
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr == (
        f"keyless: 127.0.0.1:{nobodys_port} is held by user nobody, who is neither you nor root "
        f"nor the owner of {config}; it may not be Keyless\n"
    )


def test_a_port_that_the_files_owner_holds(
    artefacts: Path, latest_postgres: EmbeddedPostgres, nobodys_port: str
) -> None:
    """A proxy has an account of its own where it is a service. This one answers nothing."""
    config = artefacts / "connect-owner.toml"
    text = role("app", latest_postgres, listen=f"127.0.0.1:{nobodys_port}")
    config.write_text("[timeouts]\nupstream = 0.5\n" + text)
    os.chown(config, pwd.getpwnam("nobody").pw_uid, -1)
    done = _connect(config, "app")
    assert done.returncode == 1
    assert "is held by" not in done.stderr
    assert "did not answer within 0.5 s" in done.stderr


def test_a_port_that_this_user_holds(keyless: Keyless) -> None:
    text = keyless.config.read_text()
    host, port = keyless.places["pg18"]
    file = keyless.directory / "with-own-port.toml"
    file.write_text(text[text.index("[roles.pg18]") :].replace("127.0.0.1:0", f"{host}:{port}"))
    os.chown(file, pwd.getpwnam("nobody").pw_uid, -1)
    done = _connect(file, "pg18")
    assert (done.stdout, done.stderr) == ("through\n", "Connected to pg18\n")

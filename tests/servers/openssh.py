"""OpenSSH's server for the tests, as root or as whoever runs them, with one account of its own.

The account is this user under another name: nss_wrapper shows sshd, and nobody else, a passwd and a
shadow file that are made here. Every private key has the canary in it, so the guard finds it again.
"""

import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from types import MappingProxyType
from typing import Self

import asyncssh
import pytest

from tests.secrecy import CANARY

USER = "joe"
HOST = "127.0.0.1"
_SSHD = "/usr/sbin/sshd"
_WRAPPER = "libnss_wrapper.so"
_ANYBODY_ELSE = 65533  # whom sshd, if it is root, becomes as long as a client is not in
_PATIENCE = 15.0
_NOTHING: Mapping[str, str] = MappingProxyType({})
_SETTINGS = {
    "ListenAddress": HOST,
    "UsePAM": "no",
    "StrictModes": "no",
    "PidFile": "none",
    "PermitRootLogin": "yes",
    "PasswordAuthentication": "yes",
    "PrintMotd": "no",
    "PrintLastLog": "no",
    "MaxStartups": "500",
    "MaxSessions": "100",
    "AcceptEnv": "*",
    "Subsystem": "sftp internal-sftp",
    "LogLevel": "VERBOSE",
}


def make_key(algorithm: str = "ssh-ed25519", **parameters: object) -> asyncssh.SSHKey:
    """A private key whose text has the canary in it, some of it in one line of base64."""
    key = asyncssh.generate_private_key(algorithm, **parameters)  # type: ignore[arg-type]
    key.set_comment(f"{CANARY} {CANARY} {CANARY}")
    return key


def public_line(key: asyncssh.SSHKey) -> str:
    """As it stands in files: type and key, and nothing that comes after."""
    return " ".join(key.export_public_key().decode().split()[:2])


def private_text(key: asyncssh.SSHKey, passphrase: str | None = None) -> str:
    return key.export_private_key(passphrase=passphrase).decode()


class OpenSsh:
    """A context manager: inside, the server runs on `port`; afterwards, no trace of it is left."""

    def __init__(
        self,
        settings: Mapping[str, str] = _NOTHING,
        *,
        host_key: asyncssh.SSHKey | None = None,
        host_certificate: asyncssh.SSHCertificate | None = None,
    ) -> None:
        self._settings = _SETTINGS | dict(settings)
        self.host_key = host_key or asyncssh.generate_private_key("ssh-ed25519")
        self._host_certificate = host_certificate
        self.key = make_key()
        self.port = 0
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            self._log = stack.enter_context(tempfile.TemporaryFile())
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="keyless-ssh-"))
            self.directory = Path(folder)
            self.home = self.directory / "home"
            self.home.mkdir()
            stack.callback(self.stop)
            self._write_files()
            self._start()
            self._cleanup = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._cleanup.close()

    @property
    def host_line(self) -> str:
        """Its public host key."""
        return public_line(self.host_key)

    def authorize(self, line: str) -> None:
        """Let in who has this key, besides those who were let in before."""
        with (self.directory / "authorized_keys").open("a") as file:
            file.write(line + "\n")

    def set_authorized(self, *lines: str) -> None:
        """Let in those who have one of these keys, and nobody else."""
        (self.directory / "authorized_keys").write_text("".join(f"{line}\n" for line in lines))

    def set_password(self, password: str) -> None:
        hashed = subprocess.run(
            ["openssl", "passwd", "-6", "-stdin"],
            input=password,
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()
        beside = self.directory / "shadow.new"
        beside.write_text(f"{USER}:{hashed}:19000:0:99999:7:::\n")
        beside.replace(self.directory / "shadow")

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait(_PATIENCE)
            self._process = None

    @property
    def log(self) -> str:
        self._log.seek(0)
        return self._log.read().decode(errors="replace")

    def _write_files(self) -> None:
        keyfile = self.directory / "host_key"
        keyfile.write_bytes(self.host_key.export_private_key())
        keyfile.chmod(0o600)
        self._settings["HostKey"] = str(keyfile)
        if self._host_certificate is not None:
            certificate = self.directory / "host_key-cert.pub"
            certificate.write_bytes(self._host_certificate.export_certificate())
            self._settings["HostCertificate"] = str(certificate)
        self._settings["AuthorizedKeysFile"] = str(self.directory / "authorized_keys")
        self.set_authorized(public_line(self.key))
        self.set_password(CANARY)
        account = f"{USER}:x:{os.getuid()}:{os.getgid()}::{self.home}:/bin/bash\n"
        nobody = "nobody:x:65534:65534::/:/usr/sbin/nologin\n"
        separated = f"sshd:x:{_ANYBODY_ELSE}:65534::/run/sshd:/usr/sbin/nologin\n"
        (self.directory / "passwd").write_text(account + nobody + separated)
        (self.directory / "group").write_text(f"us:x:{os.getgid()}:\nnogroup:x:65534:\n")
        if os.geteuid() == 0:
            Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)

    def _start(self, attempts: int = 3) -> None:
        """Between our choice of a port and the server's use of it, somebody else may take it."""
        with socket.create_server((HOST, 0)) as listener:
            self.port = listener.getsockname()[1]
        settings = self._settings | {"Port": str(self.port)}
        file = self.directory / "sshd_config"
        file.write_text("".join(f"{name} {value}\n" for name, value in settings.items()))
        files = {name: str(self.directory / name) for name in ("passwd", "shadow", "group")}
        self._process = subprocess.Popen(
            [_SSHD, "-D", "-e", "-f", str(file)],
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=self._log,
            env={
                "PATH": os.environ["PATH"],
                "LD_PRELOAD": _WRAPPER,
                **{f"NSS_WRAPPER_{name.upper()}": path for name, path in files.items()},
            },
        )
        if not self._is_ready(self._process):
            assert attempts > 1, f"sshd ended: {self.log[-2000:]}"
            self._start(attempts - 1)

    def _is_ready(self, process: subprocess.Popen[bytes]) -> bool:
        deadline = time.monotonic() + _PATIENCE
        while process.poll() is None:
            assert time.monotonic() < deadline, "sshd is not ready"
            try:
                socket.create_connection((HOST, self.port), 1).close()
            except OSError:
                time.sleep(0.02)
            else:
                return True
        return False


@pytest.fixture(scope="session")
def openssh() -> Iterator[OpenSsh]:
    """One for all tests that leave it as they found it."""
    if shutil.which(_SSHD) is None:
        pytest.fail(f"there is no {_SSHD}")
    with OpenSsh() as server:
        yield server


@pytest.fixture
def own_openssh() -> Iterator[OpenSsh]:
    with OpenSsh() as server:
        yield server

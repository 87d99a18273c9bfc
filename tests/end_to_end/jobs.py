"""Roles of commands whose secrets OpenBao has, and `keyless exec` on them."""

import os
import subprocess
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path

import pytest

from proxy.audit.chain import Break, verify
from proxy.demo.openbao import OpenBao
from tests.end_to_end.programs import run
from tests.keyless import COMMAND, Audit
from tests.providers.vaults import as_root, write
from tests.secrecy import canary

TOKEN, KEY = "KEYLESS_TEST_COMMAND_TOKEN", "KEYLESS_TEST_COMMAND_KEY"
VALUES = {
    "token": canary("-token"),
    "key": f"-----BEGIN KEY-----\n{canary('-key')}\n-----END KEY-----\n",
    "short": "abc",
    "nul": "a\0b",
}
DIGESTS = {name: sha256(value.encode()).hexdigest() for name, value in VALUES.items()}
_ROLES = f"""
[roles.job]
kind = "command"
files = ["{KEY}"]
[roles.job.env]
{TOKEN} = "_vaultkv2:secret/data/jobs:token"
{KEY} = "_vaultkv2:secret/data/jobs:key"
REGION = "eu-central-1"

[roles.short]
kind = "command"
env = {{ SHORT = "_vaultkv2:jobs:short" }}

[roles.nul]
kind = "command"
env = {{ NUL = "_vaultkv2:jobs:nul" }}

[roles.gone]
kind = "command"
env = {{ GONE = "_vaultkv2:no-such-job:key" }}

[roles.others]
kind = "command"
allow = {{ users = ["somebody-else"] }}
env = {{ {TOKEN} = "_vaultkv2:jobs:token" }}
"""


class Jobs:
    """The file with these roles, in a directory of the test's own."""

    def __init__(self, directory: Path, server: OpenBao, more: str = "") -> None:
        write(server, "jobs", VALUES)
        directory.mkdir()
        self.directory = directory
        self.config = directory / "keyless.toml"
        self.config.write_text(more + _ROLES)
        self.vault = as_root(server)
        self.audit_path = directory / "audit.jsonl"
        self.audit_path.touch()

    def audit(self) -> Audit:
        return Audit(self.audit_path)

    def broken(self) -> Break | None:
        return verify(self.audit_path.read_bytes().splitlines(keepends=True))

    def environment(self, more: Mapping[str, str] | None = None) -> dict[str, str]:
        """Keyless's own. Files are made in the test's directory, where the test can look."""
        runtime = self.directory / "runtime"
        runtime.mkdir(exist_ok=True)
        usual = {**self.vault, "XDG_RUNTIME_DIR": str(runtime), "KEYLESS_CONFIG": str(self.config)}
        return {"PATH": os.environ["PATH"], **usual, **(more or {})}

    def files(self) -> list[str]:
        """What is left of private files."""
        return [path.name for path in (self.directory / "runtime").iterdir()]

    def keyless(self, *arguments: str, **more: str) -> "subprocess.CompletedProcess[str]":
        return run(COMMAND, *arguments, environment=self.environment(more))

    def exec(self, *command: str, role: str = "job") -> "subprocess.CompletedProcess[str]":
        return self.keyless("exec", role, "--", *command)

    def start(self, *command: str, mask: bool = False) -> "subprocess.Popen[str]":
        """In the background; what it says is to be read."""
        options = ["--mask"] if mask else []
        return subprocess.Popen(
            [COMMAND, "exec", "job", *options, "--", *command],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=self.environment(),
        )


@pytest.fixture
def jobs(artefacts: Path, openbao: OpenBao, request: pytest.FixtureRequest) -> Jobs:
    name = "".join(c if c.isalnum() else "-" for c in request.node.name)
    return Jobs(artefacts / f"jobs-{name}"[:100], openbao)

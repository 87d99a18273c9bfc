"""asyncssh neither starts a program nor asks who we are, in a process that has nothing else."""

import subprocess
import sys

_BEGINNING = """
import os, pwd, sys

def forbid(event, arguments):
    if event in ("subprocess.Popen", "os.posix_spawn", "os.fork", "os.exec", "os.system"):
        sys.exit(f"{event} {arguments}")

def nobody(*_):
    raise KeyError("nobody")

sys.addaudithook(forbid)
pwd.getpwuid = nobody
for name in ("LOGNAME", "USER", "LNAME", "USERNAME"):
    os.environ.pop(name, None)
"""
_OURS = "import protocols.ssh\n"
_SETTINGS = """
from protocols.api import TcpEndpoint
from protocols.ssh.client_side import make_host_key
from protocols.ssh.settings import as_client, as_server
as_client("joe", TcpEndpoint("web", 22), None)
as_server(make_host_key())
"""


def _run(source: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", source], capture_output=True, text=True, timeout=60, check=False
    )
    return done.stderr if done.returncode else ""


def test_it_looks_nowhere() -> None:
    assert _run(_BEGINNING + _OURS + _SETTINGS) == ""


def test_it_would() -> None:
    """By itself, and that the test above would see it."""
    assert _run(_BEGINNING + "import asyncssh\n" + _OURS + _SETTINGS) != ""

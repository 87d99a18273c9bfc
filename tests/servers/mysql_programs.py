"""The clients of MySQL and MariaDB as programs, run against any host and port.

A password goes by a file that only its reader may read, for others can see a process's arguments
and environment.
"""

import subprocess
import tempfile
from pathlib import Path

from tests.servers.debian import ENVIRONMENT, Debian

_PATIENCE = 60.0


def run(
    debian: Debian,
    program: str,
    *arguments: str | Path,
    port: int,
    host: str = "127.0.0.1",
    user: str = "nobody",
    password: str | None = None,
    stdin: str = "",
    seconds: float = _PATIENCE,
) -> subprocess.CompletedProcess[str]:
    """Run a program to its end, whatever that is. A `host` that begins with / is a Unix socket."""
    place = [f"--socket={host}"] if host.startswith("/") else [f"--host={host}", f"--port={port}"]
    with tempfile.NamedTemporaryFile("w", prefix="keyless-client-", suffix=".cnf") as options:
        if password is not None:
            options.write(f'[client]\npassword="{_escaped(password)}"\n')
            options.flush()
        words = (f"--defaults-file={options.name}", *place, f"--user={user}", *arguments)
        return subprocess.run(
            debian.command(program, *words),
            input=stdin,
            capture_output=True,
            encoding="utf-8",
            timeout=seconds,
            check=False,
            env=ENVIRONMENT,
        )


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"')

"""The proxies that are measured, each on a port of its own before one PostgreSQL.

Upstream trusts everybody here: what is measured is relaying, not logging in.
"""

import os
import pwd
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

ACCOUNT = "bench"
_PATIENCE = 10.0

_KEYLESS = """\
[audit]
path = "audit.jsonl"
[roles.bench]
kind = "postgres"
listen = "127.0.0.1:{port}"
[roles.bench.env]
HOST = "127.0.0.1"
PORT = {upstream}
USER = "bench"
DB = "bench"
REQUIRE_AUTH = "none"
"""
_PGBOUNCER = """\
[databases]
bench = host=127.0.0.1 port={upstream} user=bench
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
auth_type = any
pool_mode = session
default_pool_size = 200
unix_socket_dir =
"""
_HAPROXY = """\
defaults
  mode tcp
  timeout connect 5s
  timeout client 600s
  timeout server 600s
listen postgres
  bind 127.0.0.1:{port}
  server upstream 127.0.0.1:{upstream}
"""


@dataclass(frozen=True, slots=True)
class Recipe:
    """How a proxy is started: its configuration and what comes before the file's name."""

    configuration: str
    arguments: tuple[str, ...]


RECIPES: Mapping[str, Recipe] = MappingProxyType(
    {
        "keyless": Recipe(_KEYLESS, ("serve", "--config")),
        "pgbouncer": Recipe(_PGBOUNCER, ("-q",)),
        "haproxy": Recipe(_HAPROXY, ("-db", "-f")),
    }
)


@dataclass(frozen=True, slots=True)
class Peer:
    """Where a proxy listens, and which process does its work. No process: no proxy."""

    name: str
    port: int
    pid: int | None = None

    def cpu_seconds(self) -> tuple[float, float]:
        """User and system time so far."""
        if self.pid is None:
            return 0.0, 0.0
        stat = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        tick = os.sysconf("SC_CLK_TCK")
        return int(stat[11]) / tick, int(stat[12]) / tick


@contextmanager
def running(upstream: int, folder: Path) -> Iterator[list[Peer]]:
    """PostgreSQL itself, Keyless with its audit on, and the peers that this machine has."""
    with ExitStack() as stack:
        peers = [Peer("direct", upstream)]
        for name, recipe in RECIPES.items():
            if program := _program(name):
                home = folder / name
                home.mkdir()
                started = _started(name, program, recipe, upstream, home)
                peers.append(stack.enter_context(started))
            else:
                print(f"{name} is not installed, so it is left out", file=sys.stderr)
        yield peers


def _program(name: str) -> str | None:
    own = Path(sys.executable).with_name(name)
    return str(own) if own.exists() else shutil.which(name, path=f"{os.defpath}:/usr/sbin")


@contextmanager
def _started(name: str, program: str, recipe: Recipe, upstream: int, home: Path) -> Iterator[Peer]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    configuration = home / "configuration"
    configuration.write_text(recipe.configuration.format(port=port, upstream=upstream))
    process = subprocess.Popen(
        [program, *recipe.arguments, str(configuration)],
        stderr=subprocess.DEVNULL,
        **(_as_nobody(home) if name == "pgbouncer" else {}),
    )
    try:
        _await_port(name, port)
        yield Peer(name, port, process.pid)
    finally:
        process.terminate()
        process.wait()


def _as_nobody(home: Path) -> dict[str, Any]:
    """PgBouncer refuses to run as root."""
    if os.geteuid() != 0:
        return {}
    nobody = pwd.getpwnam("nobody")
    for path in (home, home / "configuration"):
        os.chown(path, nobody.pw_uid, nobody.pw_gid)
    home.parent.chmod(0o711)
    return {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}


def _await_port(name: str, port: int) -> None:
    deadline = time.monotonic() + _PATIENCE
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            if time.monotonic() > deadline:
                raise SystemExit(f"{name} did not start") from None
            time.sleep(0.05)
        else:
            return

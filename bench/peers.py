"""The proxies that are measured, each on a port of its own before one database.

What is measured is relaying, not logging in: PostgreSQL trusts everybody, and MySQL's account has a
password that says nothing.
"""

import os
import pwd
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from bench.ports import await_port, free_port
from tests.servers.debian import Debian
from tests.servers.mysql_flavours import sid_mysql

ACCOUNT = PASSWORD = "bench"
_PATIENCE = 10.0

_KEYLESS = """\
[audit]
path = "audit.jsonl"
[roles.bench]
kind = "%s"
listen = "127.0.0.1:{port}"
[roles.bench.env]
HOST = "127.0.0.1"
PORT = {upstream}
USER = "bench"
DB = "bench"
"""
_TRUSTED = 'REQUIRE_AUTH = "none"\n'
_BY_PASSWORD = 'PASS = "_env:BENCH_PASSWORD"\nSSLMODE = "require"\n'
_MYSQL_ROUTER = """\
[DEFAULT]
logging_folder = {home}
runtime_folder = {home}
data_folder = {home}
[logger]
level = ERROR
[routing:bench]
bind_address = 127.0.0.1
bind_port = {port}
destinations = 127.0.0.1:{upstream}
routing_strategy = first-available
client_ssl_mode = PASSTHROUGH
server_ssl_mode = AS_CLIENT
max_connect_errors = 1000000
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
listen database
  bind 127.0.0.1:{port}
  server upstream 127.0.0.1:{upstream}
"""


@dataclass(frozen=True, slots=True)
class Recipe:
    """How a proxy is started: its configuration and what comes before the file's name. `system` is
    where its program is, if not here."""

    configuration: str
    arguments: tuple[str, ...]
    system: Callable[[], Debian] | None = None


_HAPROXY_RECIPE = Recipe(_HAPROXY, ("-db", "-f"))
RECIPES: Mapping[str, Mapping[str, Recipe]] = MappingProxyType(
    {
        "postgres": {
            "keyless": Recipe(_KEYLESS % "postgres" + _TRUSTED, ("serve", "--config")),
            "pgbouncer": Recipe(_PGBOUNCER, ("-q",)),
            "haproxy": _HAPROXY_RECIPE,
        },
        "mysql": {
            "keyless": Recipe(_KEYLESS % "mysql" + _BY_PASSWORD, ("serve", "--config")),
            "haproxy": _HAPROXY_RECIPE,
            "mysqlrouter": Recipe(_MYSQL_ROUTER, ("-c",), sid_mysql),
        },
    }
)
"""By the database's kind and the proxy's name."""


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
def running(kind: str, upstream: int, folder: Path) -> Iterator[list[Peer]]:
    """The database itself, Keyless with its audit on, and the peers that this machine has."""
    folder.chmod(0o711)
    with ExitStack() as stack:
        peers = [Peer("direct", upstream)]
        for name, recipe in RECIPES[kind].items():
            if (program := _program(name, recipe)) is None:
                print(f"{name} is not installed, so it is left out", file=sys.stderr)
                continue
            home = folder / name
            home.mkdir()
            peers.append(stack.enter_context(_started(name, program, recipe, upstream, home)))
        yield peers


def _program(name: str, recipe: Recipe) -> list[str] | None:
    if recipe.system is not None:
        return recipe.system().unprivileged(name)
    own = Path(sys.executable).with_name(name)
    found = str(own) if own.exists() else shutil.which(name, path=f"{os.defpath}:/usr/sbin")
    return None if found is None else [found]


@contextmanager
def _started(
    name: str, program: list[str], recipe: Recipe, upstream: int, home: Path
) -> Iterator[Peer]:
    port = free_port()
    configuration = home / "configuration"
    configuration.write_text(recipe.configuration.format(port=port, upstream=upstream, home=home))
    _give_away(home)
    process = subprocess.Popen(
        [*program, *recipe.arguments, str(configuration)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={"PATH": os.environ["PATH"], "BENCH_PASSWORD": PASSWORD},
        **_account(name),
    )
    try:
        await_port(name, port, _PATIENCE)
        yield Peer(name, port, process.pid)
    finally:
        process.terminate()
        process.wait()


def _give_away(home: Path) -> None:
    """Let who does not run as root write there."""
    if os.geteuid() == 0:
        nobody = pwd.getpwnam("nobody")
        for path in (home, home / "configuration"):
            os.chown(path, nobody.pw_uid, nobody.pw_gid)


def _account(name: str) -> dict[str, Any]:
    """PgBouncer refuses to run as root, and cannot become another by itself."""
    if os.geteuid() != 0 or name != "pgbouncer":
        return {}
    nobody = pwd.getpwnam("nobody")
    return {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}

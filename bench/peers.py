"""The proxies that are measured, each at a place of its own before one database."""

import os
import pwd
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from bench import processes
from bench.plan import Notes
from bench.ports import await_listener, free_port
from bench.recipes import (
    KEYLESS,
    OF_KIND,
    PASSWORD,
    SOCKET_PORT,
    Place,
    Recipe,
    Upstream,
)
from proxy.config import ConfigError, parse_text

_PATIENCE = 10.0
_HOST = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class Peer:
    """Where a proxy listens (an address, or a Unix socket's folder as PostgreSQL has them), and
    which process does its work. No process: no proxy. `audit` is Keyless's, `sslmode` libpq's."""

    name: str
    port: int
    pid: int | None = None
    host: str = _HOST
    audit: Path | None = None
    sslmode: str = "disable"

    def cpu_seconds(self) -> tuple[float, float]:
        """User and system time so far."""
        return (0.0, 0.0) if self.pid is None else processes.cpu_seconds(self.pid)


@dataclass(frozen=True, slots=True)
class Way:
    """A proxy and how it is set up: whether it listens at a Unix socket or finds the database at
    one, and further lines of Keyless's configuration."""

    name: str
    recipe: Recipe
    by_socket: bool = False
    upstream_by_socket: bool = False
    settings: str = ""
    of_role: str = ""


@contextmanager
def running(
    upstream: Upstream, folder: Path, notes: Notes, ways: Sequence[Way] = ()
) -> Iterator[list[Peer]]:
    """The database itself and those before it, without those that this machine has not. All that
    there are for its kind, if it is not said which."""
    folder.chmod(0o711)
    chosen = ways or [Way(recipe.program, recipe) for recipe in OF_KIND[upstream.kind]]
    with ExitStack() as stack:
        sslmode = "require" if upstream.authority else "disable"
        peers = [Peer("direct", upstream.port, sslmode=sslmode)]
        for way in chosen:
            if (program := _program(way.recipe)) is None:
                notes.leave_out(f"{way.recipe.program}, which is not installed")
                continue
            place = _place(way, upstream, folder)
            if not _understood(way, place):
                notes.leave_out(f"{way.name}, whose settings this Keyless does not know")
                continue
            notes.programs[way.recipe.program] = _version(program, way.recipe)
            peers.append(stack.enter_context(_started(way, program, place)))
        yield peers


def _program(recipe: Recipe) -> list[str] | None:
    if recipe.system is not None:
        try:
            return recipe.system().unprivileged(recipe.program)
        except pytest.skip.Exception:
            return None
    own = Path(sys.executable).with_name(recipe.program)
    path = f"{os.defpath}:/usr/sbin"
    found = str(own) if own.exists() else shutil.which(recipe.program, path=path)
    return None if found is None else [found]


def _understood(way: Way, place: Place) -> bool:
    """So that a harness that is newer than the proxy still measures it."""
    if way.recipe is not KEYLESS:
        return True
    try:
        parse_text(KEYLESS.configuration(place), place.home / "configuration")
    except ConfigError:
        return not (way.settings or way.of_role)
    return True


def _version(program: Sequence[str], recipe: Recipe) -> str:
    told = subprocess.run(
        [*program, recipe.version], capture_output=True, text=True, check=False
    ).stdout
    return told.partition("\n")[0].strip()


def _place(way: Way, upstream: Upstream, folder: Path) -> Place:
    home = folder / way.name.replace(" ", "-")
    home.mkdir()
    return Place(
        upstream=upstream,
        home=home,
        port=free_port(),
        sockets=home if way.by_socket else None,
        upstream_by_socket=way.upstream_by_socket,
        settings=way.settings,
        of_role=way.of_role,
    )


@contextmanager
def _started(way: Way, program: list[str], place: Place) -> Iterator[Peer]:
    configuration = place.home / "configuration"
    configuration.write_text(way.recipe.configuration(place))
    _give_away(place.home)
    process = subprocess.Popen(
        [*program, *way.recipe.arguments, str(configuration)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={"PATH": os.environ["PATH"], "BENCH_PASSWORD": PASSWORD},
        **_account(way.recipe),
    )
    try:
        yield _listening(way, place, process.pid)
    finally:
        process.terminate()
        process.wait()


def _listening(way: Way, place: Place, pid: int) -> Peer:
    audit = place.home / "audit.jsonl" if way.recipe is KEYLESS else None
    if place.sockets is None:
        await_listener(way.name, (_HOST, place.port), _PATIENCE)
        return Peer(way.name, place.port, pid, _HOST, audit)
    await_listener(way.name, str(place.sockets / f".s.PGSQL.{SOCKET_PORT}"), _PATIENCE)
    return Peer(way.name, SOCKET_PORT, pid, str(place.sockets), audit)


def _give_away(home: Path) -> None:
    """Let who does not run as root write there."""
    if os.geteuid() == 0:
        nobody = pwd.getpwnam("nobody")
        for path in (home, home / "configuration"):
            os.chown(path, nobody.pw_uid, nobody.pw_gid)


def _account(recipe: Recipe) -> dict[str, Any]:
    """PgBouncer refuses to run as root, and cannot become another by itself."""
    if os.geteuid() != 0 or recipe.program != "pgbouncer":
        return {}
    nobody = pwd.getpwnam("nobody")
    return {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}

"""`keyless serve`: run the proxy until it is told to stop."""

import asyncio
import logging
import resource
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

import click

from protocols.api import Endpoint
from proxy import loop, syscalls
from proxy.audit.log import AuditError
from proxy.cli.options import FAILED, config_option, fail, load_or_fail, set_up_logging
from proxy.config import Config
from proxy.doors import Door
from proxy.listener import ListenError
from proxy.server import Server
from proxy.workers.crew import WorkerFailed
from proxy.workers.parent import Parent

_OTHER_FILES = 1_000  # connections that wait, providers' connections, logs
_log = logging.getLogger("keyless.server")


@click.command(short_help="Run the proxy for everybody on this machine.")
@config_option
def serve(path: Path) -> None:
    """Run the proxy: the listeners of the configuration file.

    Nothing listens until the whole file is right. SIGTERM or Ctrl-C ends it in order: no new
    sessions, idle ones end at once, busy ones have `timeouts.shutdown` seconds.
    """
    config = load_or_fail(path)
    if not any(map(config.where, config.roles.values())):
        fail(f'no role in {path} has a listener; write listen = "127.0.0.1:PORT" in one')
    set_up_logging(config.log_level)
    if syscalls.__file__.endswith(".py"):
        _log.info("not compiled, for want of a C compiler: a query costs several times the CPU")
    _raise_file_limit(config.limits.sessions)
    try:
        well = loop.run(_serve(config) if config.workers == 1 else _have_served(config))
    except (AuditError, ListenError, WorkerFailed) as error:
        fail(str(error))
    sys.exit(0 if well else FAILED)


def _raise_file_limit(sessions: int) -> None:
    """Two sockets a session; the shell's usual 1024 would be 500 sessions."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 2 * sessions + _OTHER_FILES
    allowed = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    if allowed > soft:
        resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))
    if max(soft, allowed) < 2 * sessions:
        _log.warning("%d open files are allowed, too few for %d sessions", allowed, sessions)


async def _serve(config: Config) -> bool:
    server = Server(config)
    stop = _told_to_stop()
    _announce(server.start())
    await stop.wait()
    _log.info("stopping")
    await server.stop()
    return True


async def _have_served(config: Config) -> bool:
    """By several workers. Returns whether all ended in order."""
    stop = _told_to_stop()
    parent = Parent(config)
    _announce(await parent.start())
    await stop.wait()
    _log.info("stopping")
    return await parent.stop()


def _told_to_stop() -> asyncio.Event:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    return stop


def _announce(listening: Sequence[tuple[Door, Endpoint]]) -> None:
    for door, endpoint in listening:
        kind = door.protocol.kind
        if door.only is not None:
            _log.info("role %s (%s) on %s", door.only.name, kind, endpoint)
        else:
            names = ", ".join(door.roles)
            _log.info("%s roles, by user name, on %s: %s", kind, endpoint, names or "none")

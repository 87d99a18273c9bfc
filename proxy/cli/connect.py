"""`keyless connect ROLE`: the user's own client, opened on a role."""

import asyncio
import os
import socket
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import click

from protocols.api import Disconnected, Endpoint, UnixEndpoint, WireProtocol
from protocols.carried import CarriedProtocol
from protocols.errors import Refusal
from proxy import dial, loop
from proxy.addresses import bindable
from proxy.audit.log import AuditError
from proxy.cli.exec import run_in_place
from proxy.cli.options import (
    FAILED,
    audit_beside_a_program,
    complete_role,
    config_option,
    fail,
    load_or_fail,
    role_or_fail,
    set_up_logging,
    without_secrets,
)
from proxy.client import ClientMissing, find, run
from proxy.config import CommandRole, Config, Role
from proxy.connection import Connection
from proxy.doors import Door
from proxy.driver import Driver
from proxy.identity import identify_listener
from proxy.listener import ListenError
from proxy.server import Server

_CONTEXT = {"ignore_unknown_options": True}


@click.command(short_help="Open psql, mysql or ssh on a role.", context_settings=_CONTEXT)
@click.argument("role", shell_complete=complete_role)
@click.argument("client_arguments", nargs=-1, type=click.UNPROCESSED)
@config_option
def connect(role: str, client_arguments: tuple[str, ...], path: Path) -> None:
    """Open ROLE's own client, psql, mysql or ssh; what follows `--` is handed to it.

    Goes through the running proxy if there is one, else through one of its own for as long as the
    client runs. Hands on the client's exit code. For a role of kind `command` the client is your
    shell, with the role's secrets as `keyless exec` gives them to a command.
    """
    config = load_or_fail(path)
    chosen = role_or_fail(config, role)
    if isinstance(chosen, CommandRole):
        shell = os.environ.get("SHELL") or "/bin/sh"
        run_in_place(
            config, chosen, [shell, *client_arguments], ready=lambda: _say_connected(chosen)
        )
    set_up_logging("warning")
    try:
        code = loop.run(_connect(config, chosen, client_arguments))
    except (AuditError, ClientMissing, Refusal, Disconnected, ListenError, OSError) as error:
        fail(str(error), FAILED)
    sys.exit(code)


async def _connect(config: Config, role: Role, arguments: tuple[str, ...]) -> int:
    async with _proxy(config, role) as endpoint:
        await _probe(config, role, endpoint)
        database = role.environment.get("DB")
        known = database if isinstance(database, str) else None
        program = role.protocol.client(endpoint, role.name, known)
        found = find(program)
        _say_connected(role)
        return await run(found, arguments, without_secrets(config))


def _say_connected(role: Role | CommandRole) -> None:
    click.echo(f"Connected to {role.name}", err=True)  # standard output is the client's


@asynccontextmanager
async def _proxy(config: Config, role: Role) -> AsyncIterator[Endpoint]:
    """The running proxy's listener, or one that nobody but this user can reach."""
    running = await _running(config, role)
    if running is not None:
        yield running
        return
    server = Server(audit_beside_a_program(config))
    with tempfile.TemporaryDirectory(prefix="keyless-") as folder:
        try:
            yield server.listen(Door.to(role), UnixEndpoint(folder))
        finally:
            await server.stop()


async def _running(config: Config, role: Role) -> Endpoint | None:
    """Where `keyless serve` listens for the role, if it runs."""
    listen = config.where(role)
    if listen is None:
        return None
    endpoint = bindable(listen, role.protocol)
    try:
        connection = await _dial(config, endpoint)
    except OSError:
        return None
    with connection:
        owner = identify_listener(connection)
    if owner.uid not in (None, 0, os.getuid(), config.path.stat().st_uid):
        fail(
            f"{endpoint} is held by user {owner.user}, who is neither you nor root nor the owner "
            f"of {config.path}; it may not be Keyless"
        )
    return endpoint


async def _probe(config: Config, role: Role, endpoint: Endpoint) -> None:
    """Say "Connected" only where that is true. Raises the refusal that the client would see."""
    proxy = Connection(await _dial(config, endpoint))
    driver = Driver(config.timeouts)
    driver.upstream = proxy
    try:
        match role.protocol:
            case WireProtocol(probe=probe):
                await driver.run(probe(role.name))
            case CarriedProtocol(probe=look):
                await driver.carry(partial(look, role.name))
    finally:
        proxy.close()


async def _dial(config: Config, endpoint: Endpoint) -> socket.socket:
    until = asyncio.get_running_loop().time() + config.timeouts.upstream
    connection, _ = await dial.connect(await dial.resolve(endpoint), until)
    return connection
